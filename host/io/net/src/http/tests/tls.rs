//! A server with a certificate of an authority that nobody else has.

use rustls::pki_types::PrivateKeyDer;
use tokio_rustls::TlsAcceptor;

use super::*;

const AUTHORITY: &[u8] = include_bytes!("authority.der");
/// For `api.example` and 127.0.0.1, from 2020 to 2120.
const CERTIFICATE: &[u8] = include_bytes!("server.der");
const KEY: &[u8] = include_bytes!("server-key.der");

/// Answers one request on each connection, until it is dropped.
async fn server(answer: String) -> (SocketAddr, AbortOnDrop) {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let key = PrivateKeyDer::try_from(KEY.to_vec()).unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![CERTIFICATE.to_vec().into()], key).unwrap();
    let (acceptor, listener) = (TlsAcceptor::from(Arc::new(config)), TcpListener::bind("127.0.0.1:0").await.unwrap());
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            // Who does not trust it hangs up.
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut request = [0; 4096];
            if stream.read(&mut request).await.is_ok_and(|count| count > 0) {
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        }
    });
    (address, AbortOnDrop(task))
}

struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[tokio::test]
async fn a_server_must_have_a_certificate_for_its_name_from_a_known_authority() {
    let (address, _server) = server(ok("hello")).await;
    let names = names(&[("api.example", &[address]), ("other.example", &[address])]);
    let trusting = Client::new(vec![AUTHORITY.to_vec()], Arc::clone(&names)).unwrap();
    for host in ["api.example", "127.0.0.1"] {
        let url = format!("https://{host}:{}/", address.port());
        assert_eq!(trusting.send(get(&url)).await.unwrap().body, "hello", "{host}");
        let refused = client(&names).send(get(&url)).await;
        assert!(matches!(&refused, Err(Failure::Failed(text)) if text.contains("TLS")), "{host}: {refused:?}");
    }
    let url = format!("https://other.example:{}/", address.port());
    let refused = trusting.send(get(&url)).await;
    assert!(matches!(&refused, Err(Failure::Failed(text)) if text.contains("TLS")), "{refused:?}");
}

#[tokio::test]
async fn what_was_asked_by_tls_is_not_asked_again_without() {
    let plain = Server::start(|_| ok("plain")).await;
    let (address, _server) = server(redirect(307, &format!("http://{}/", plain.address))).await;
    let trusting = Client::new(vec![AUTHORITY.to_vec()], names(&[])).unwrap();
    let refused = trusting.send(get(&format!("https://127.0.0.1:{}/", address.port()))).await;
    assert!(is_denied(&refused), "{refused:?}");
    assert!(plain.heard().is_empty());
}
