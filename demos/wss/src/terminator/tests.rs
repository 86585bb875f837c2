use super::*;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, SupportedProtocolVersion};

use crate::certificates::Certificates;

const PATIENCE: Duration = Duration::from_secs(20);

fn certificates() -> Arc<Certificates> {
    static MADE: OnceLock<Arc<Certificates>> = OnceLock::new();
    let folder = std::env::temp_dir().join(format!("wss-terminator-{}", std::process::id()));
    MADE.get_or_init(|| {
        let made = Certificates::open(&folder, "Test", &[]).unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        made
    })
    .clone()
}

/// A terminator in front of a server that hands its connections out.
fn terminator(time: Duration) -> (SocketAddr, Receiver<TcpStream>) {
    let (public, inside) =
        (TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("127.0.0.1:0").unwrap());
    let (address, inner) = (public.local_addr().unwrap(), inside.local_addr().unwrap());
    let inner = vec![Inner { protocol: "http/1.1", address: inner }];
    let terminator =
        Terminator::new(certificates(), inner, &Site { head_timeout: time, ..Site::new(address) });
    thread::spawn(move || terminator.serve(&public));
    let (out, connections) = channel();
    thread::spawn(move || {
        inside.incoming().map_while(Result::ok).try_for_each(|stream| out.send(stream).ok())
    });
    (address, connections)
}

/// The client's end. It does not look whether the certificate is trusted: that is another test's subject.
fn client(
    address: SocketAddr,
    versions: &[&'static SupportedProtocolVersion],
) -> (Arc<Sealed>, TcpStream) {
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_protocol_versions(versions).unwrap();
    let config =
        config.dangerous().with_custom_certificate_verifier(Arc::new(Anyone)).with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let tls = ClientConnection::new(Arc::new(config), name).unwrap();
    let outside = TcpStream::connect(address).unwrap();
    let sealed = Sealed::new(tls.into(), outside.try_clone().unwrap());
    sealed.handshake(Instant::now() + PATIENCE).unwrap();
    (Arc::new(sealed), outside)
}

#[derive(Debug)]
struct Anyone;

impl rustls::client::danger::ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &rustls::pki_types::CertificateDer<'_>,
        _: &[rustls::pki_types::CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: rustls::pki_types::UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        Ok(rustls::client::danger::ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &rustls::pki_types::CertificateDer<'_>,
        signed: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        let algorithms = ring::default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, &algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &rustls::pki_types::CertificateDer<'_>,
        signed: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        let algorithms = ring::default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

/// A connected pair: what is written into the first is sealed by the client.
fn plain_end(sealed: Arc<Sealed>) -> TcpStream {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let far = listener.accept().unwrap().0;
    thread::spawn(move || sealed.pass(far, Vec::new()));
    near
}

#[test]
fn what_one_side_says_the_other_hears_with_both_versions_and_both_ends_arrive() {
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let (address, connections) = terminator(PATIENCE);
        let mut client = plain_end(client(address, &[version]).0);
        let mut server = connections.recv_timeout(PATIENCE).unwrap();
        let long: Vec<u8> = (0..300_000_u32).flat_map(u32::to_be_bytes).collect();
        let (to_send, mut writer) = (long.clone(), client.try_clone().unwrap());
        let up = thread::spawn(move || {
            writer.write_all(&to_send).unwrap();
            writer.shutdown(Shutdown::Write).unwrap();
        });
        let mut heard = Vec::new();
        server.read_to_end(&mut heard).unwrap();
        up.join().unwrap();
        assert!(heard == long, "{version:?}: {} of {} bytes", heard.len(), long.len());
        let to_send = long.clone();
        let down = thread::spawn(move || server.write_all(&to_send).unwrap());
        let mut heard = Vec::new();
        client.read_to_end(&mut heard).unwrap();
        down.join().unwrap();
        assert!(heard == long, "{version:?}: {} of {} bytes", heard.len(), long.len());
    }
}

#[test]
fn a_connection_that_ends_without_close_notify_ends_inside_with_a_reset() {
    let (address, connections) = terminator(PATIENCE);
    let (_sealed, outside) = client(address, &[&rustls::version::TLS13]);
    let mut server = connections.recv_timeout(PATIENCE).unwrap();
    outside.shutdown(Shutdown::Write).unwrap();
    assert_eq!(server.read(&mut [0]).unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
}

fn answer_to(bytes: &[u8], time: Duration) -> Vec<u8> {
    let (address, _connections) = terminator(time);
    let mut client = TcpStream::connect(address).unwrap();
    client.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    let _reset = client.read_to_end(&mut answer);
    answer
}

#[test]
fn plain_http_is_told_so() {
    let answer =
        String::from_utf8(answer_to(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", PATIENCE))
            .unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("https://"), "{answer}");
}

#[test]
fn what_is_no_client_hello_gets_an_alert() {
    let huge = [&[22, 3, 1, 0xff, 0xff][..], &[0; 0xffff]].concat();
    for bad in [
        &b"\0\0\0\0\0\0\0\0"[..],
        &[22, 3, 1, 0, 4, 9, 0, 0, 0],
        &[0x80, 0x2e, 1, 0, 2, 0, 0x15],
        &huge,
    ] {
        let answer = answer_to(bad, PATIENCE);
        assert!(
            answer.len() == 7 && answer[0] == 21 && answer[5] == 2,
            "{:?}: {answer:?}",
            &bad[..5]
        );
    }
}

#[test]
fn a_handshake_message_that_says_it_is_huge_ends_the_connection() {
    assert!(answer_to(&[22, 3, 1, 0, 4, 1, 0xff, 0xff, 0xff], PATIENCE).len() <= 7);
}

#[test]
fn a_handshake_that_stalls_is_given_up() {
    let begun = [22, 3, 1, 2, 0, 1];
    assert!(answer_to(&begun, Duration::from_millis(50)).is_empty());
    assert!(answer_to(&[], Duration::from_millis(50)).is_empty());
}
