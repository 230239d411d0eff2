//! One connection, on which many requests are under way at once: each has a number, and answers are given to whoever asked.
//!
//! A task writes, so that a request whose asker leaves is never cut in the middle; it sends together what is there together.
//! Must never: take an answer without a bound, or say that a request did not go out where a byte of it may have.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, timeout};

use super::ber::{Head, SEQUENCE, odd};
use super::message::{Answer, Outcome, Request};
use crate::fence::{Fence, Gate};
use crate::model::SystemError;
use crate::socket::Stream;

/// What is sent together.
const TOGETHER: usize = 64 << 10;
/// Room for what comes.
const BUFFER: usize = 64 << 10;

/// How a connection may be used.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// how long one answer may take
    pub(super) timeout: Duration,
    /// how long one message may be
    pub(super) message: usize,
}

/// A connection. It is closed when it is dropped.
#[derive(Debug)]
pub(super) struct Line {
    out: UnboundedSender<Outgoing>,
    open: Arc<Open>,
    gate: Arc<Gate>,
    bounds: Bounds,
    used: Mutex<Instant>,
    /// nothing was heard of it in time
    silent: AtomicBool,
    reader: tokio::task::JoinHandle<()>,
}

/// What is to be sent. It may hold a password, so nothing prints it.
struct Outgoing {
    message: Vec<u8>,
    went: Arc<AtomicBool>,
}

/// Who waits for what.
#[derive(Debug, Default)]
struct Open(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    last: u32,
    asked: HashMap<u32, UnboundedSender<Answer>>,
    /// it is over, and why
    ended: Option<SystemError>,
}

/// A request under way.
#[derive(Debug)]
pub(super) struct Pending<'l> {
    line: &'l Line,
    number: u32,
    answers: UnboundedReceiver<Answer>,
    went: Arc<AtomicBool>,
}

/// No answer came.
#[derive(Clone, Debug)]
pub(super) struct Lost {
    /// whether it may have gone out
    pub(super) sent: bool,
    /// leave to write was lost
    pub(super) refused: bool,
    pub(super) error: SystemError,
}

impl Line {
    /// Over a stream that is ready for messages.
    pub(super) fn over(stream: Box<dyn Stream>, gate: &Arc<Gate>, bounds: Bounds) -> Self {
        let (read, write) = split(stream);
        let (out, outgoing) = unbounded_channel();
        let open = Arc::new(Open::default());
        tokio::spawn(send(write, outgoing, gate.clone(), open.clone()));
        let heard = open.clone();
        let reader = tokio::spawn(async move {
            let error = listen(read, &heard, bounds.message).await;
            heard.end(error);
        });
        Self { out, open, gate: gate.clone(), bounds, used: Mutex::new(Instant::now()), silent: AtomicBool::new(false), reader }
    }

    /// Sends a request; its answers are taken from what this gives.
    pub(super) fn ask(&self, request: &Request) -> Result<Pending<'_>, Lost> {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        let (to, answers) = unbounded_channel();
        let went = Arc::new(AtomicBool::new(false));
        let number = self.open.register(to).map_err(|error| self.lost(false, error))?;
        let pending = Pending { line: self, number, answers, went: went.clone() };
        let message = request.numbered(number);
        match self.out.send(Outgoing { message, went }) {
            Ok(()) => Ok(pending),
            Err(_) => Err(self.lost(false, self.open.why())),
        }
    }

    /// Sends a request that has one answer.
    pub(super) async fn one(&self, request: &Request) -> Result<Outcome, Lost> {
        let mut pending = self.ask(request)?;
        loop {
            if let Answer::Outcome(outcome) = pending.next().await? {
                return Ok(outcome);
            }
        }
    }

    /// Whether it can be used, and was lately: the other end may have forgotten one that was not.
    pub(super) fn is_fresh(&self, idle: Duration) -> bool {
        let used = *self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if self.out.is_closed() || self.silent.load(Ordering::SeqCst) {
            return false;
        }
        let held = self.open.held();
        held.ended.is_none() && self.gate.refused().is_none() && (used.elapsed() < idle || !held.asked.is_empty())
    }

    pub(super) fn fence(&self) -> &Fence {
        self.gate.fence()
    }

    fn lost(&self, sent: bool, error: SystemError) -> Lost {
        match self.gate.refused() {
            Some(why) => Lost { sent, refused: true, error: SystemError::NotSent(why.to_owned()) },
            None => Lost { sent, refused: false, error },
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl Pending<'_> {
    /// The next answer.
    pub(super) async fn next(&mut self) -> Result<Answer, Lost> {
        let line = self.line;
        match timeout(line.bounds.timeout, self.answers.recv()).await {
            Ok(Some(answer)) => Ok(answer),
            Ok(None) => Err(line.lost(self.went.load(Ordering::SeqCst), line.open.why())),
            Err(_) => {
                line.silent.store(true, Ordering::SeqCst);
                let error = SystemError::Unavailable(format!("no answer came within {} s", line.bounds.timeout.as_secs()));
                Err(line.lost(self.went.load(Ordering::SeqCst), error))
            }
        }
    }

    /// The server need not go on.
    pub(super) fn abandon(self) {
        let message = Request::abandon(self.number).numbered(self.line.open.held().number());
        drop(self.line.out.send(Outgoing { message, went: Arc::default() }));
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        self.line.open.held().asked.remove(&self.number);
    }
}

impl Open {
    fn held(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn register(&self, to: UnboundedSender<Answer>) -> Result<u32, SystemError> {
        let mut held = self.held();
        if let Some(why) = &held.ended {
            return Err(why.clone());
        }
        let number = held.number();
        held.asked.insert(number, to);
        Ok(number)
    }

    fn why(&self) -> SystemError {
        self.held().ended.clone().unwrap_or_else(|| SystemError::Unavailable("the connection was closed".into()))
    }

    /// It is over: whoever waits hears of it.
    fn end(&self, why: SystemError) {
        let mut held = self.held();
        held.ended.get_or_insert(why);
        held.asked.clear();
    }

    fn deliver(&self, message: Bytes) -> Result<(), SystemError> {
        let (number, answer) = Answer::decode(message)?;
        if let (0, Answer::Outcome(outcome)) = (number, &answer) {
            return Err(SystemError::Unavailable(format!("the server closes the connection: {}", outcome.text)));
        }
        let mut held = self.held();
        let ends = matches!(answer, Answer::Outcome(_));
        if let Some(to) = held.asked.get(&number) {
            // Whoever asked may have left.
            drop(to.send(answer));
        }
        if ends {
            held.asked.remove(&number);
        }
        Ok(())
    }
}

impl Waiting {
    /// A number that is not in use; zero is the server's.
    fn number(&mut self) -> u32 {
        loop {
            self.last = if self.last >= i32::MAX as u32 { 1 } else { self.last + 1 };
            if !self.asked.contains_key(&self.last) {
                return self.last;
            }
        }
    }
}

async fn send(mut write: WriteHalf<Box<dyn Stream>>, mut outgoing: UnboundedReceiver<Outgoing>, gate: Arc<Gate>, open: Arc<Open>) {
    while let Some(first) = outgoing.recv().await {
        let mut bytes = first.message;
        let mut under_way = vec![first.went];
        while bytes.len() < TOGETHER
            && let Ok(more) = outgoing.try_recv()
        {
            bytes.extend_from_slice(&more.message);
            under_way.push(more.went);
        }
        let before = gate.sent();
        under_way.iter().for_each(|went| went.store(true, Ordering::SeqCst));
        let written = match write.write_all(&bytes).await {
            Ok(()) => write.flush().await,
            Err(error) => Err(error),
        };
        if let Err(error) = written {
            if gate.sent() == before {
                under_way.iter().for_each(|went| went.store(false, Ordering::SeqCst));
            }
            return open.end(SystemError::Unavailable(format!("the connection was lost: {error}")));
        }
    }
    // Nobody asks any more.
    drop(write.shutdown().await);
}

/// Hands on what comes until nothing comes any more; gives why.
async fn listen(mut read: ReadHalf<Box<dyn Stream>>, open: &Open, most: usize) -> SystemError {
    let mut buffer = BytesMut::with_capacity(BUFFER);
    loop {
        loop {
            match whole(&mut buffer, most).and_then(|message| message.map(|message| open.deliver(message)).transpose()) {
                Ok(Some(())) => {}
                Ok(None) => break,
                Err(error) => return error,
            }
        }
        buffer.reserve(BUFFER);
        match read.read_buf(&mut buffer).await {
            Ok(0) => return SystemError::Unavailable("the server closed the connection".into()),
            Ok(_) => {}
            Err(error) => return SystemError::Unavailable(format!("the connection was lost: {error}")),
        }
    }
}

/// The first message, once it is all there.
pub(super) fn whole(buffer: &mut BytesMut, most: usize) -> Result<Option<Bytes>, SystemError> {
    let Some(head) = Head::of(buffer)? else { return Ok(None) };
    if head.tag != SEQUENCE {
        return Err(odd("it does not begin like one"));
    }
    if head.length > most {
        return Err(SystemError::Protocol(format!("an answer is longer than {most} bytes; if that is right, raise `maxBody`")));
    }
    Ok((buffer.len() >= head.end()).then(|| buffer.split_to(head.end()).freeze()))
}
