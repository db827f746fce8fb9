//! The contract of buckets, on a server that runs somewhere else: `contract ENDPOINT s3://BUCKET/PREFIX`, with credentials where the AWS
//! tools look for them. Panics where the server or this package breaks it.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failure is to be seen")]

use firn_engine::remote::contract;
use firn_s3::{Checksums, S3Bucket, Settings};

fn main() {
    let mut words = std::env::args().skip(1);
    let (Some(endpoint), Some(place)) = (words.next(), words.next()) else {
        eprintln!("contract ENDPOINT s3://BUCKET/PREFIX");
        std::process::exit(2);
    };
    for (number, checksums) in [Checksums::WhenRequired, Checksums::Always].into_iter().enumerate() {
        let mut settings = Settings::new(format!("{place}/{number}").parse().expect("a place in a bucket"));
        settings.endpoint = Some(endpoint.clone());
        settings.region = Some("us-east-1".to_owned());
        settings.checksums = checksums;
        contract::objects(&S3Bucket::connect(settings).unwrap());
        println!("kept with checksums {checksums:?}");
    }
}
