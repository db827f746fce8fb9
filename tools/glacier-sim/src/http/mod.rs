//! The listener: S3 and the admin paths on one port, and the faults of the connection itself.

pub mod call;
pub mod chunked;
mod front;
mod unsigned;
mod wire;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

pub use front::Front;

/// How long requests under way get to finish when the server stops.
const GRACE: Duration = Duration::from_secs(5);

/// Serves until `stop` turns true, then lets requests under way finish.
pub async fn serve(listener: TcpListener, front: Arc<Front>, mut stop: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        while connections.try_join_next().is_some() {}
        let Ok((stream, _)) = accepted else {
            // Out of file descriptors, most likely: wait for connections to end.
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let (front, stop) = (front.clone(), stop.clone());
        connections.spawn(connection(stream, front, stop));
    }
    let finished = async { while connections.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(GRACE, finished).await;
}

async fn connection(stream: tokio::net::TcpStream, front: Arc<Front>, mut stop: watch::Receiver<bool>) {
    let reset = Arc::new(AtomicBool::new(false));
    let io = TokioIo::new(wire::Wire::new(stream, reset.clone()));
    let service = service_fn(move |request| {
        let (front, reset) = (front.clone(), reset.clone());
        async move {
            let answer = front.answer(request).await;
            if matches!(answer, Err(front::Dropped { reset: true })) {
                reset.store(true, Ordering::Release);
            }
            answer
        }
    });
    let mut serving = std::pin::pin!(
        hyper::server::conn::http1::Builder::new().timer(TokioTimer::new()).serve_connection(io, service)
    );
    // What goes wrong on one connection is that client's to see.
    tokio::select! {
        _ = serving.as_mut() => return,
        _ = stop.wait_for(|stop| *stop) => {}
    }
    serving.as_mut().graceful_shutdown();
    let _ = serving.await;
}
