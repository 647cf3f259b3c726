//! What a test can see.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use call::TenantId;

use super::super::phone::{Line, LineState, PhoneId, State};
use super::{BEGINNING, World};

impl World {
    /// The switch's wall clock.
    pub(crate) fn wallclock(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + BEGINNING + self.age()
    }

    /// Calls that the switch has.
    pub(crate) fn calls_up(&self) -> usize {
        self.switch.calls_up()
    }

    /// Whether a call waits at a phone.
    pub(crate) fn is_called(&self, phone: PhoneId) -> bool {
        !self.phones[phone.0].incoming.is_empty()
    }

    pub(crate) fn line(&self, line: Line) -> &LineState {
        &self.phones[line.phone.0].lines[&line.session]
    }

    /// Where a line is.
    pub(crate) fn state(&self, line: Line) -> &State {
        &self.line(line).state
    }

    /// The provisional statuses a line got.
    pub(crate) fn progress(&self, line: Line) -> &[u16] {
        &self.line(line).progress
    }

    /// The caller's number as the called phone shows it.
    pub(crate) fn caller(&self, line: Line) -> &str {
        &self.line(line).caller
    }

    /// The caller's name, as a called line was shown it.
    pub(crate) fn caller_name(&self, line: Line) -> &str {
        &self.line(line).caller_name
    }

    /// The keys a line received.
    pub(crate) fn keys(&self, line: Line) -> &str {
        &self.line(line).keys
    }

    /// The keys a line received by INFO.
    pub(crate) fn informed(&self, line: Line) -> &str {
        &self.line(line).informed
    }

    /// The keys a line heard as sound.
    pub(crate) fn sounded(&self, line: Line) -> &str {
        &self.line(line).sounded.keys
    }

    /// How often the answer reached the caller.
    pub(crate) fn answers(&self, line: Line) -> u32 {
        self.line(line).answers
    }

    /// What a transfer that the line asked for came to.
    pub(crate) fn transfer_progress(&self, line: Line) -> &[u16] {
        &self.line(line).transfer
    }

    /// Waits until a line is up.
    pub(crate) async fn until_up(&mut self, line: Line) {
        self.until("the line is up", |world| *world.state(line) == State::Up).await;
    }

    /// Waits until a line is over.
    pub(crate) async fn until_over(&mut self, line: Line) {
        self.until("the line is over", |world| matches!(world.state(line), State::Ended(_) | State::Refused(_))).await;
    }

    /// Waits until a line hears a tone, from now on.
    pub(crate) async fn until_heard(&mut self, line: Line, hertz: u16) {
        self.phones[line.phone.0].listen(line.session);
        let what = format!("{hertz} Hz are heard");
        self.until(&what, |world| world.line(line).hears(hertz)).await;
    }

    /// Whether a line hears a tone in the next two seconds.
    pub(crate) async fn hears(&mut self, line: Line, hertz: u16) -> bool {
        self.phones[line.phone.0].listen(line.session);
        self.pass(Duration::from_secs(2)).await;
        self.line(line).hears(hertz)
    }

    /// Two phones in conversation: their lines, the caller's first.
    pub(crate) async fn conversation(&mut self, from: PhoneId, to: PhoneId) -> (Line, Line) {
        let number = self.phones[to.0].name.clone();
        let line = self.call(from, &number);
        let other = self.incoming(to).await;
        self.answer(other);
        self.until_up(line).await;
        self.until_up(other).await;
        (line, other)
    }

    /// Two phones that talk, each with a tone of its own that the other hears: 440 Hz of the caller, 600 Hz of the called one.
    /// Their lines, the caller's first.
    pub(crate) async fn talk(&mut self, from: PhoneId, to: PhoneId) -> (Line, Line) {
        let (line, other) = self.conversation(from, to).await;
        self.hear_each_other(line, other).await;
        (line, other)
    }

    /// Lets two lines say their tones, and waits until each hears the other's: 440 Hz of the first, 600 Hz of the second.
    pub(crate) async fn hear_each_other(&mut self, line: Line, other: Line) {
        self.say(line, 440);
        self.say(other, 600);
        self.until_heard(line, 600).await;
        self.until_heard(other, 440).await;
    }

    /// The SIP messages a phone sent so far that begin like this.
    pub(crate) fn sent_by(&self, phone: PhoneId, start: &str) -> Vec<String> {
        let address = self.phones[phone.0].address;
        self.network.letters(start, |letter| letter.from == address)
    }

    /// The SIP messages that were sent to a phone so far and begin like this.
    pub(crate) fn sent_to(&self, phone: PhoneId, start: &str) -> Vec<String> {
        let address = self.phones[phone.0].address;
        self.network.letters(start, |letter| letter.to == address)
    }

    /// Connections of a phone that are up.
    pub(crate) fn connections(&self, phone: PhoneId) -> usize {
        self.network.connections(self.phones[phone.0].address)
    }

    /// Where a phone is.
    pub(crate) fn address(&self, phone: PhoneId) -> SocketAddr {
        self.phones[phone.0].address
    }

    /// The call records of a tenant, once there are `count`.
    pub(crate) async fn records(&mut self, tenant: &str, count: usize) -> Vec<serde_json::Value> {
        let tenant = TenantId::new(tenant).expect("a name");
        let what = format!("there are {count} records of {tenant}");
        self.until(&what, |world| world.read_records(&tenant).len() >= count).await;
        self.read_records(&tenant)
    }

    fn read_records(&self, tenant: &TenantId) -> Vec<serde_json::Value> {
        let cdr = self.store.tenant(tenant).cdr();
        let days = cdr.days().unwrap_or_default();
        let lines = days.into_iter().flat_map(|day| cdr.read(day, 0, 1_000).expect("records can be read"));
        lines.map(|line| serde_json::from_str(&line).expect("a record is JSON")).collect()
    }
}
