//! The host is told to stop while its disk hangs, for a caller who waits for a prompt and for what is to be stored. It stops all the
//! same (F61, hostile K8).

use crate::disk::HungDisk;
use crate::patience::until;
use crate::server::Server;

#[test]
fn a_disk_that_hangs_does_not_keep_the_host_running() {
    let mut server = Server::start();
    let hello = server.file("acme", "sounds/hello.wav");
    std::fs::create_dir_all(hello.parent().unwrap()).unwrap();
    std::fs::write(&hello, "").unwrap();
    let prompt = HungDisk::new(&hello);
    let store = HungDisk::new(&server.data("store/kv/db"));
    // The one waits for a greeting, the other for its count to be kept.
    let _callers = ["601", "609"].map(|number| server.begin(&["call", "acme", "100", number]));
    until("both wait for the disk", || (server.threads_that_open_a_pipe() == 2).then_some(()));
    server.stop_at_once();
    drop((prompt, store));
}
