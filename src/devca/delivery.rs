//! Delivery of an answer: headers as the real server sends them, and the bodies of the faults.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::Response;
use hyper::body::{Bytes, Frame};
use hyper::header::{HeaderName, HeaderValue};
use time::OffsetDateTime;
use tokio::time::{Sleep, sleep};

use crate::Timestamp;

/// An answer before delivery.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) content: Content,
    pub(super) location: Option<String>,
    pub(super) delivery: Delivery,
    pub(super) delay: Duration,
    /// Offset of the `Date` header in seconds.
    pub(super) date_skew: i64,
}

/// The content of a body.
pub(super) enum Content {
    /// The JSON envelope, chunked.
    Envelope(String),
    /// Text of this type, with a Content-Length.
    Text(&'static str, String),
    /// This number of bytes of a JSON text, chunked.
    Filler(u64),
    /// No content, answer of an endpoint.
    Head,
    /// No content.
    Empty,
}

/// The delivery of a body.
#[derive(Clone, Copy)]
pub(super) enum Delivery {
    /// All at once.
    Whole,
    /// The connection closes after half of it.
    Cut,
    /// One byte per interval.
    PerByte(Duration),
    /// No answer; the connection stays open.
    Never,
    /// No answer; the connection closes.
    Lost,
}

impl Answer {
    const fn new(status: u16, content: Content) -> Self {
        Self { status, content, location: None, delivery: Delivery::Whole, delay: Duration::ZERO, date_skew: 0 }
    }

    pub(super) const fn envelope(status: u16, json: String) -> Self {
        Self::new(status, Content::Envelope(json))
    }

    pub(super) const fn empty(status: u16) -> Self {
        Self::new(status, Content::Empty)
    }

    /// The answer to a HEAD request.
    pub(super) const fn head(status: u16) -> Self {
        Self::new(status, Content::Head)
    }

    pub(super) fn text(status: u16, text: &str) -> Self {
        Self::new(status, Content::Text("text/plain; charset=utf-8", text.to_owned()))
    }

    /// A page as a reverse proxy would send.
    pub(super) fn html(status: u16, title: &str) -> Self {
        let page = format!(
            "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n\
             <hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
        );
        Self::new(status, Content::Text("text/html", page))
    }

    /// The answer of Go's router to an unknown path.
    pub(super) fn not_found() -> Self {
        Self::text(404, "404 page not found\n")
    }

    pub(super) fn moved(status: u16, to: String) -> Self {
        Self { location: Some(to), ..Self::empty(status) }
    }

    /// The response; `None` if the connection must close without one. Waits if the answer is delayed.
    pub(super) async fn into_response(self, now: Timestamp) -> Option<Response<Stream>> {
        match self.delivery {
            Delivery::Never => std::future::pending().await,
            Delivery::Lost => return None,
            _ => {}
        }
        if !self.delay.is_zero() {
            sleep(self.delay).await;
        }
        let mut headers: Vec<(&str, String)> = Vec::new();
        let mut filler = 0;
        let bytes = match self.content {
            Content::Envelope(json) => {
                headers.push(("connection", "Keep-Alive".to_owned()));
                headers.push(("content-type", "application/json".to_owned()));
                json.into_bytes()
            }
            Content::Filler(length) => {
                headers.push(("content-type", "application/json".to_owned()));
                filler = length;
                b"{\"result\":\"".to_vec()
            }
            Content::Text(kind, text) => {
                headers.push(("content-type", kind.to_owned()));
                headers.push(("x-content-type-options", "nosniff".to_owned()));
                headers.push(("content-length", text.len().to_string()));
                text.into_bytes()
            }
            Content::Head => {
                headers.push(("connection", "Keep-Alive".to_owned()));
                headers.push(("content-length", "0".to_owned()));
                Vec::new()
            }
            Content::Empty => {
                headers.push(("content-length", "0".to_owned()));
                Vec::new()
            }
        };
        headers.push(("date", http_date(Timestamp::from_unix(now.unix().saturating_add(self.date_skew)))));
        if let Some(location) = self.location {
            headers.push(("location", location));
        }
        let mut response = Response::new(Stream::new(bytes, filler, self.delivery));
        *response.status_mut() = hyper::StatusCode::from_u16(self.status).ok()?;
        for (name, value) in headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().insert(HeaderName::from_static(name), value);
            }
        }
        Some(response)
    }
}

/// `Mon, 23 Nov 2026 16:00:00 GMT` (RFC 9110 section 5.6.7).
fn http_date(t: Timestamp) -> String {
    let at = OffsetDateTime::from_unix_timestamp(t.unix()).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let (weekday, month) = (at.weekday().to_string(), at.month().to_string());
    format!(
        "{:.3}, {:02} {:.3} {:04} {:02}:{:02}:{:02} GMT",
        weekday,
        at.day(),
        month,
        at.year(),
        at.hour(),
        at.minute(),
        at.second()
    )
}

/// A body without a known length, sent in chunks as by the real server.
pub(super) struct Stream {
    bytes: Bytes,
    /// Remaining filler bytes.
    filler: u64,
    delivery: Delivery,
    pause: Option<Pin<Box<Sleep>>>,
    /// Whether the bytes before a cut were flushed.
    flushed: bool,
}

const FILLER: &[u8] = &[b'x'; 16 * 1024];

impl Stream {
    fn new(bytes: Vec<u8>, filler: u64, delivery: Delivery) -> Self {
        let mut bytes = Bytes::from(bytes);
        if matches!(delivery, Delivery::Cut) {
            bytes.truncate(bytes.len() / 2);
        }
        Self { bytes, filler, delivery, pause: None, flushed: false }
    }
}

type NextFrame = Poll<Option<Result<Frame<Bytes>, std::io::Error>>>;

impl hyper::body::Body for Stream {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> NextFrame {
        if let Delivery::PerByte(each) = self.delivery
            && !self.bytes.is_empty()
        {
            let pause = self.pause.get_or_insert_with(|| Box::pin(sleep(each)));
            std::task::ready!(pause.as_mut().poll(cx));
            self.pause = None;
            return Poll::Ready(Some(Ok(Frame::data(self.bytes.split_to(1)))));
        }
        if !self.bytes.is_empty() {
            let bytes = std::mem::take(&mut self.bytes);
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        if matches!(self.delivery, Delivery::Cut) {
            if !self.flushed {
                // hyper sends its buffer when a body is pending, and drops it when a body fails.
                self.flushed = true;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            return Poll::Ready(Some(Err(std::io::Error::other("cut intentionally"))));
        }
        if self.filler == 0 {
            return Poll::Ready(None);
        }
        let length = usize::try_from(self.filler).unwrap_or(usize::MAX).min(FILLER.len());
        self.filler -= length as u64;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&FILLER[..length])))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_round_trips() {
        let t = Timestamp::from_unix(1_795_405_359);
        assert_eq!(Timestamp::parse_http_date(&http_date(t)), Some(t));
    }
}
