//! What one client can take of the server.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::client::{Reply, request, send};
use super::{plain, start};
use crate::devca::{DevCaConfig, Endpoint, Fault, FaultRule, Running};

/// The time that a client of these tests is given.
const WAIT: Duration = Duration::from_millis(200);

fn limited(mut config: DevCaConfig) -> Running {
    (config.limits.wait, config.limits.connections) = (WAIT, 4);
    start(config)
}

fn connect(ca: &Running) -> TcpStream {
    let stream = TcpStream::connect(ca.addr()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

/// What the server sends until it closes the connection; a reset counts as its end.
fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut raw = Vec::new();
    match stream.read_to_end(&mut raw) {
        Ok(_) => raw,
        Err(e) if matches!(e.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => raw,
        Err(e) => panic!("the server keeps the connection open: {e}"),
    }
}

/// Sends one byte in each quarter of the wait until the server closes the connection.
fn trickle(stream: &mut TcpStream, byte: u8) {
    let begin = Instant::now();
    while stream.write_all(&[byte]).is_ok() {
        assert!(begin.elapsed() < Duration::from_secs(20), "the server waits for every byte");
        std::thread::sleep(WAIT / 4);
    }
}

#[test]
fn a_body_that_is_too_large_is_refused_before_the_credentials_are_read() {
    let ca = start(plain());
    let most = plain().limits.body;
    let auth = ("Authorization", "Basic YTpi");
    for (size, headers, status) in [(most, vec![auth], 400), (most + 1, vec![auth], 413), (most + 1, vec![], 413)] {
        // The server may answer and close before it has read all.
        let mut stream = connect(&ca);
        let sent = stream.write_all(&request("POST", "/enroll", &headers, &vec![b' '; size]));
        let answer = Reply::parse(&rest(&mut stream)).map(|reply| reply.status);
        match (answer, sent) {
            (Some(found), _) => assert_eq!(found == 413, status == 413, "{size}: {found}"),
            (None, sent) => assert!(sent.is_err() && status == 413, "{size}"),
        }
    }
    assert_eq!(send(&ca, "GET", "/cainfo", &[], b"").status, 200);
    assert_eq!(ca.count_answered(Endpoint::Enroll, 413), 0, "no handler saw them");
}

#[test]
fn a_body_without_an_end_is_read_up_to_the_limit() {
    let ca = start(plain());
    let mut stream = connect(&ca);
    stream.write_all(b"POST /enroll HTTP/1.1\r\nHost: ca\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
    let chunk = [b"10000\r\n".as_slice(), &vec![b' '; 0x10000], b"\r\n"].concat();
    let limit = 16 * plain().limits.body;
    let mut sent = 0;
    while stream.write_all(&chunk).is_ok() {
        sent += chunk.len();
        assert!(sent < limit, "the server reads on");
    }
}

#[test]
fn a_head_that_is_too_large_is_refused() {
    let ca = start(plain());
    let mut stream = connect(&ca);
    let value = "x".repeat(2 * plain().limits.head);
    let _ = stream.write_all(&request("GET", "/cainfo", &[("X", &value)], b""));
    assert_ne!(Reply::parse(&rest(&mut stream)).map(|reply| reply.status), Some(200));
    assert_eq!(ca.count(Endpoint::CaInfo), 0);
}

#[test]
fn slow_heads_slow_bodies_and_idle_connections_are_closed() {
    let ca = limited(plain());
    trickle(&mut connect(&ca), b'G');
    let mut body = connect(&ca);
    body.write_all(b"POST /enroll HTTP/1.1\r\nHost: ca\r\nContent-Length: 100000\r\n\r\n").unwrap();
    trickle(&mut body, b' ');
    assert_eq!(rest(&mut connect(&ca)), b"", "a client that sends nothing");
    let mut kept = connect(&ca);
    kept.write_all(b"GET /cainfo HTTP/1.1\r\nHost: ca\r\n\r\n").unwrap();
    assert!(rest(&mut kept).ends_with(b"0\r\n\r\n"), "a client that sends no second request");
}

#[test]
fn handshakes_that_do_not_go_on_are_closed() {
    let mut config = plain();
    config.plaintext = false;
    let ca = limited(config);
    for start in [b"".as_slice(), &[22, 3, 1, 2, 0]] {
        let mut stream = connect(&ca);
        stream.write_all(start).unwrap();
        rest(&mut stream);
    }
}

#[test]
fn answers_that_a_client_does_not_take_are_given_up() {
    let mut config = plain();
    config.faults = vec![FaultRule::new(Fault::HugeBody(64)).on(Endpoint::CaInfo)];
    let ca = limited(config);
    let ask = || {
        let mut stream = connect(&ca);
        stream.write_all(b"GET /cainfo HTTP/1.1\r\nHost: ca\r\n\r\n").unwrap();
        stream
    };
    let unread: Vec<TcpStream> = (0..4).map(|_| ask()).collect();
    // All connections are taken, so the next answer begins when one of these is given up.
    let mut first = [0];
    assert_eq!(ask().read(&mut first).unwrap(), 1);
    drop(unread);
}

#[test]
fn more_connections_than_allowed_wait_for_the_others() {
    let mut config = plain();
    config.limits.connections = 4;
    let ca = start(config);
    // The server accepts in the order of connecting.
    let held: Vec<TcpStream> = (0..4).map(|_| connect(&ca)).collect();
    let mut next = TcpStream::connect(ca.addr()).unwrap();
    next.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    next.write_all(&request("GET", "/cainfo", &[], b"")).unwrap();
    let mut first = [0];
    let early = next.read(&mut first).map_err(|e| e.kind());
    assert!(matches!(early, Err(ErrorKind::WouldBlock | ErrorKind::TimedOut)), "{early:?}");
    assert_eq!(ca.count(Endpoint::CaInfo), 0, "it is not accepted");
    drop(held);
    next.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    assert_eq!(next.read(&mut first).unwrap(), 1);
}
