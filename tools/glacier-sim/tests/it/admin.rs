//! The admin interface over HTTP.

use serde_json::{Value, json};

use crate::{World, raw, world};

fn ask(w: &World, method: &str, path: &str, body: Value) -> (u16, Value) {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let (status, answer) = raw(w.sim.addr(), method, path, "", &body);
    (status, serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_the_library_does() {
    let w = world();
    w.put("dir/a", "GLACIER", "ice").await;
    assert!(ask(&w, "GET", "/_sim", Value::Null).1.as_object().unwrap().len() >= 9);
    assert_eq!(ask(&w, "GET", "/_sim/clock", Value::Null).1["unix"], 1_767_225_600);
    assert_eq!(ask(&w, "POST", "/_sim/clock", json!({"advance": 60})).1["unix"], 1_767_225_660);
    let set = ask(&w, "POST", "/_sim/clock", json!({"set": "2026-02-01T00:00:00Z"}));
    assert_eq!(set.1["now"], w.sim.now().to_string());
    assert_eq!(ask(&w, "POST", "/_sim/clock", json!({"set": "2026-01-01T00:00:00Z"})).0, 400, "back");
    assert_eq!(ask(&w, "POST", "/_sim/clock", json!({"advance": -1})).0, 400);
    w.restore("dir/a", "Bulk", 1).await.unwrap();
    let objects = ask(&w, "GET", "/_sim/objects?bucket=ice&prefix=dir%2F", Value::Null).1;
    assert_eq!((&objects[0]["class"], &objects[0]["restore"]), (&json!("GLACIER"), &json!("in-progress")));
    let bill = ask(&w, "GET", "/_sim/bill", Value::Null).1;
    // Reading a float from JSON may be off by its last bit.
    assert!((bill["total"].as_f64().unwrap() - w.sim.bill().total).abs() < 1e-15);
    let names: Vec<_> = w.sim.bill().lines.into_iter().map(|line| json!(line.name)).collect();
    assert_eq!(bill["lines"].as_array().unwrap().iter().map(|line| line["name"].clone()).collect::<Vec<_>>(), names);
    let log = ask(&w, "GET", "/_sim/requests?limit=1", Value::Null).1;
    assert_eq!(log["counts"], json!({"PutObject": 1, "RestoreObject": 1}));
    assert_eq!((log["requests"].as_array().unwrap().len(), &log["requests"][0]["op"]), (1, &json!("PutObject")));
    let faults = ask(&w, "PUT", "/_sim/faults", json!({"slow-down": 0.5, "only": ["GetObject"]}));
    assert_eq!(faults.1["slow-down"], 0.5);
    assert_eq!(ask(&w, "GET", "/_sim/faults", Value::Null).1, faults.1);
    assert_eq!(ask(&w, "PUT", "/_sim/faults", json!({"slow-down": 1.5})).0, 400);
    assert_eq!(ask(&w, "PUT", "/_sim/faults", json!({"hail": 1})).0, 400);
    let down = json!({"bucket": "ice", "key": "dir/a", "class": "DEEP_ARCHIVE"});
    assert_eq!(ask(&w, "POST", "/_sim/transition", down).0, 200);
    assert_eq!(ask(&w, "POST", "/_sim/reset", Value::Null).0, 200);
    assert_eq!(ask(&w, "GET", "/_sim/requests", Value::Null).1, json!({"counts": {}, "requests": []}));
    assert_eq!(ask(&w, "GET", "/_sim/weather", Value::Null).0, 404);
}
