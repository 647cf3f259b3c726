//! C7: a process without free descriptors neither spins nor stops serving.

use std::process::Command as Process;

use super::*;

const CHILD: &str = "NET_TEST_FEW_DESCRIPTORS";

/// The body of the child of the test below, in a process with 48 descriptors.
#[tokio::test]
async fn child_with_few_descriptors() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let f = start(config(1));
    let client = udp_client(f.udp).await;
    // Each connection takes two descriptors of this process. If both sides run out at once, the spare one makes it the
    // server that misses one.
    let mut spare = Some(std::fs::File::open("/dev/null").unwrap());
    let mut open = Vec::new();
    while f.driver.handle().counters().accepts_failed == 0 {
        match TcpStream::connect(f.tcp).await {
            Ok(stream) => open.push(stream),
            Err(_) => {
                drop(spare.take());
                tokio::task::yield_now().await;
            }
        }
    }
    for number in 0..2_000 {
        assert_status(&ask(&client, &request("OPTIONS", "UDP", number, "")).await, 200, number);
    }
    let failed = f.driver.handle().counters().accepts_failed;
    assert!(failed < 100, "{failed} failed accepts in the time of 2,000 answers: the loop spins");
    // The ones that were up still are, and with room again new ones are.
    let mut first = open.swap_remove(0);
    drop(open);
    first.write_all(request("OPTIONS", "TCP", 10_001, "").as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    first.read_exact(&mut answer).await.unwrap();
    let mut again = TcpStream::connect(f.tcp).await.unwrap();
    again.write_all(request("OPTIONS", "TCP", 10_002, "").as_bytes()).await.unwrap();
    again.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"SIP/2.0 200 ");
    println!("few descriptors: done");
}

#[test]
fn without_descriptors_the_accept_loop_does_not_spin() {
    let output = Process::new("sh")
        .args(["-c", r#"ulimit -n 48; exec "$0" "$@""#])
        .arg(std::env::current_exe().unwrap())
        .args(["sip_driver::tests::descriptors::child_with_few_descriptors", "--exact", "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("few descriptors: done"),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
