//! The fake does what it was told to do.

use super::*;
use jackfield_sdk::{Digits, Record, blob, http, kv, metrics, system};

#[test]
fn a_caller_that_dials_is_heard_and_one_that_hangs_up_is_gone() {
    let fake = Fake::new().dials("12#3").dials("").hangs_up_after(3);
    fake.run(|leg| {
        leg.answer()?;
        assert_eq!(leg.read_digits(Digits::up_to(4).prompt("enter-digits"))?, "12");
        assert_eq!(leg.play_until(["a", "b"], "123")?, None);
        assert!(leg.play("never").unwrap_err().is_gone());
        Result::Ok(())
    })
    .unwrap();
    assert_eq!(fake.actions(), ["answer", "read 4 enter-digits", "play a b"]);
}

#[test]
fn a_recording_is_there_after_the_hang_up_that_ended_it() {
    let fake = Fake::new().records(4_000, "gone");
    fake.run(|leg| {
        assert!(leg.play("blob:note").is_err());
        let recorded = leg.record(Record::to("note")).unwrap();
        assert_eq!((recorded.duration.as_secs(), recorded.ended.as_str()), (4, "gone"));
        assert!(leg.play(&recorded.prompt).unwrap_err().is_gone());
        assert!(blob::rename("note", "kept").unwrap() && !blob::rename("note", "kept").unwrap());
        assert_eq!(blob::list("k", None, 10).unwrap()[0].bytes, 64_000);
        assert!(blob::remove("kept").unwrap() && !blob::remove("kept").unwrap());
    });
    assert!(fake.blobs().is_empty());
}

#[test]
fn values_are_updated_without_loss() {
    let fake = Fake::new().value("count", "41");
    fake.run(|_leg| {
        let text = kv::update("count", |old| {
            let count: u32 = std::str::from_utf8(old?).ok()?.parse().ok()?;
            Some((count + 1).to_string().into_bytes())
        });
        assert_eq!(text.unwrap().unwrap(), b"42");
        assert!(system::random_below(10) < 10);
    });
    assert_eq!(fake.stored("count").as_deref(), Some("42"));
}

#[test]
fn a_server_says_what_it_was_told_to_say() {
    let url = "https://api.example.com/a";
    let slow = Err(Error::new(Code::Timeout, "no response"));
    let fake = Fake::new().server(url, 200, "one").server_says(url, slow);
    fake.run(|_leg| {
        let request = Request::post(url, "body").header("x-key", "k");
        assert_eq!(request.send().unwrap().text(), Ok("one"));
        assert_eq!(http::get(url).unwrap_err().code, Code::Timeout);
        assert_eq!(http::get(url).unwrap_err().code, Code::Timeout, "the last answer stays");
        assert_eq!(http::get("https://other.example.com/").unwrap_err().code, Code::Denied);
    });
    fake.run(|_leg| metrics::add("asked", 2).and_then(|()| metrics::add("asked", 1))).unwrap();
    assert_eq!((fake.metric("asked"), fake.metric("else")), (Some(3), None));
    assert_eq!(fake.actions()[..2], [format!("http POST {url}"), format!("http GET {url}")]);
    assert_eq!(fake.requests()[0].headers, [("x-key".to_owned(), "k".to_owned())]);
}

#[test]
fn what_a_service_wants_to_know_and_tells_is_remembered() {
    use jackfield_sdk::{event, schedule};
    let fake = Fake::new().device("101", "busy");
    fake.run(|_leg| {
        event::subscribe("call.").unwrap();
        event::subscribe("call.").unwrap();
        event::publish("joined", &[("queue", "sales")]).unwrap();
        schedule::after("tick", std::time::Duration::from_secs(5), &[]).unwrap();
        assert_eq!((event::device("101").as_deref(), event::device("102")), (Some("busy"), None));
    });
    assert_eq!(fake.subscribed(), ["call."]);
    assert_eq!(fake.published(), ["joined queue=sales"]);
    assert_eq!(fake.timers(), [("tick".to_owned(), 5_000)]);
    fake.run(|_leg| {
        assert!(event::unsubscribe("call.").unwrap() && !event::unsubscribe("call.").unwrap());
        assert!(schedule::cancel("tick").unwrap() && !schedule::cancel("tick").unwrap());
    });
    assert!(fake.subscribed().is_empty() && fake.timers().is_empty());
}

#[test]
fn random_bytes_do_not_begin_again() {
    Fake::new().run(|_leg| {
        let drawn: Vec<Vec<u8>> = (0..64).map(|_| system::random(16)).collect();
        assert!((0..64).all(|at| !drawn[..at].contains(&drawn[at])));
    });
}
