//! HTTP/1.1 around the library: reads requests, performs deliveries. One thread; the emulator is never held across an
//! await.
//!
//! It stands on hyper itself and not on a framework, because a dropped connection is one of the answers: hyper closes
//! a connection whose service returns an error without writing a byte.

use crate::state_file::StateFile;
use gyesan_emulator::{Delivery, Emulator, Outcome, Request};
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper::{HeaderMap, Response};
use hyper_util::rt::TokioIo;
use std::cell::RefCell;
use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::net::TcpListener;
use tokio::task::spawn_local;
use tokio::time::{Interval, interval_at, sleep};

/// The largest request that is read, in bytes.
const BODY_MAX: usize = 1 << 20;

/// The emulator and where its inputs are written down.
pub struct Shared {
    pub emulator: Emulator,
    pub state_file: Option<StateFile>,
}

impl Shared {
    fn handle(&mut self, request: &Request) -> Outcome {
        let now_ms = now_ms();
        if let Some(file) = &mut self.state_file {
            file.record_request(&self.emulator, now_ms, request);
        }
        self.emulator.handle(now_ms, request)
    }

    fn finish(&mut self, ticket: u64) -> Delivery {
        let now_ms = now_ms();
        if let Some(file) = &mut self.state_file {
            file.record_finish(now_ms, ticket);
        }
        self.emulator.finish(now_ms, ticket)
    }
}

/// Accepts connections until the process ends. Calls that were being delayed when it last ended are finished when
/// they are due.
pub async fn serve(listener: TcpListener, shared: Rc<RefCell<Shared>>) {
    let unfinished = shared.borrow().emulator.unfinished();
    for (ticket, at_ms) in unfinished {
        let shared = shared.clone();
        spawn_local(async move { finish_at(&shared, ticket, at_ms).await });
    }
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors, most likely: they come back as connections end.
            sleep(Duration::from_millis(50)).await;
            continue;
        };
        // Nagle's algorithm would hold answers back; without this they are only slower.
        let _ = stream.set_nodelay(true);
        let shared = shared.clone();
        spawn_local(async move {
            let service = service_fn(|request| answer(shared.clone(), request));
            // An error is a client that has gone or a connection dropped on purpose.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn finish_at(shared: &Rc<RefCell<Shared>>, ticket: u64, at_ms: i64) -> Delivery {
    sleep(Duration::from_millis(u64::try_from(at_ms - now_ms()).unwrap_or(0))).await;
    shared.borrow_mut().finish(ticket)
}

async fn answer(
    shared: Rc<RefCell<Shared>>,
    incoming: hyper::Request<Incoming>,
) -> Result<Response<Reply>, Dropped> {
    let (head, body) = incoming.into_parts();
    // A request that cannot be read to its end has no effect and needs no answer.
    let body = Limited::new(body, BODY_MAX).collect().await.map_err(|_| Dropped)?.to_bytes();
    let request = Request {
        method: head.method.as_str().to_owned(),
        path: head.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned(),
        headers: texts(&head.headers),
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    let outcome = shared.borrow_mut().handle(&request);
    let delivery = match outcome {
        Outcome::Now(delivery) => delivery,
        // A task of its own: the call takes effect also when this client hangs up.
        Outcome::Later { ticket, at_ms } => {
            spawn_local(async move { finish_at(&shared, ticket, at_ms).await }).await.map_err(|_| Dropped)?
        }
    };
    match delivery {
        Delivery::Respond { status, headers, body } => reply(status, headers, Reply::whole(body)),
        Delivery::SlowBody { status, headers, body, over_ms } => {
            reply(status, headers, Reply::slow(body, over_ms))
        }
        Delivery::Drop => Err(Dropped),
    }
}

fn texts(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
        .collect()
}

fn reply(status: u16, headers: Vec<(&'static str, String)>, body: Reply) -> Result<Response<Reply>, Dropped> {
    let response = headers
        .into_iter()
        .fold(Response::builder().status(status), |response, (name, value)| response.header(name, value));
    response.body(body).map_err(|_| Dropped)
}

fn now_ms() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}

/// The connection is to be closed without a byte.
#[derive(Debug)]
struct Dropped;

impl fmt::Display for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection was dropped on purpose")
    }
}

impl std::error::Error for Dropped {}

/// A body, in one piece or in many with pauses before each.
struct Reply {
    left: Bytes,
    pauses: Option<Interval>,
    piece: usize,
}

impl Reply {
    fn whole(body: String) -> Reply {
        Reply { piece: body.len(), left: body.into(), pauses: None }
    }

    fn slow(body: String, over_ms: u64) -> Reply {
        let pieces = usize::try_from(over_ms / 250).unwrap_or(usize::MAX).clamp(1, body.len().max(1));
        let piece = body.len().div_ceil(pieces).max(1);
        let pause_ms = (over_ms / u64::try_from(body.len().div_ceil(piece)).unwrap_or(1).max(1)).max(1);
        let pause = Duration::from_millis(pause_ms);
        let pauses = interval_at(tokio::time::Instant::now() + pause, pause);
        Reply { left: body.into(), pauses: Some(pauses), piece }
    }
}

impl Body for Reply {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.left.is_empty() {
            return Poll::Ready(None);
        }
        if let Some(pauses) = &mut self.pauses {
            ready!(pauses.poll_tick(context));
        }
        let length = self.piece.min(self.left.len());
        let piece = self.left.split_to(length);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(u64::try_from(self.left.len()).unwrap_or(u64::MAX))
    }
}
