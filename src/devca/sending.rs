//! A connection that fails if its client takes nothing of what is sent for too long.

use std::future::Future as _;
use std::io::{Error, ErrorKind, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// A stream with a limit on the time between two parts that its client takes.
pub(super) struct Sending<S> {
    stream: S,
    wait: Duration,
    /// Running while the client takes nothing.
    limit: Option<Pin<Box<Sleep>>>,
}

impl<S> Sending<S> {
    pub(super) const fn new(stream: S, wait: Duration) -> Self {
        Self { stream, wait, limit: None }
    }

    /// The result of a step of writing; an error if the steps have been pending for too long.
    fn limited<T>(&mut self, step: Poll<Result<T, Error>>, cx: &mut Context<'_>) -> Poll<Result<T, Error>> {
        if step.is_ready() {
            self.limit = None;
            return step;
        }
        let limit = self.limit.get_or_insert_with(|| Box::pin(sleep(self.wait)));
        std::task::ready!(limit.as_mut().poll(cx));
        Poll::Ready(Err(Error::from(ErrorKind::TimedOut)))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Sending<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<Result<(), Error>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Sending<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<Result<usize, Error>> {
        let step = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.limited(step, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<Result<usize, Error>> {
        let step = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.limited(step, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let step = Pin::new(&mut self.stream).poll_flush(cx);
        self.limited(step, cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
