//! The same numbers in two tenants at the same time.

use crate::baresip::{Baresip, Phone};
use crate::server::Server;

/// F8, E2: four phones, two calls from 100 to 101, four tones: each hears its own partner and nobody else.
#[test]
fn the_same_numbers_in_two_tenants_do_not_cross() {
    let server = Server::start();
    let phone = |tenant, endpoint, tone| Baresip::registered(&server, &Phone::new(tenant, endpoint, tone));
    let (acme_101, globex_101) = (phone("acme", "101", 1_000), phone("globex", "101", 1_400));
    let (mut acme_100, mut globex_100) = (phone("acme", "100", 440), phone("globex", "100", 620));
    acme_100.calls("101");
    globex_100.calls("101");
    acme_101.hears_tone(440);
    acme_100.hears_tone(1_000);
    globex_101.hears_tone(620);
    globex_100.hears_tone(1_400);
    let calls = server.calls();
    assert_eq!(calls.len(), 2, "{calls:?}");
    acme_100.hang_up();
    globex_100.hang_up();
    acme_101.heard().assert_tone(440, &[620, 1_000, 1_400]);
    acme_100.heard().assert_tone(1_000, &[440, 620, 1_400]);
    globex_101.heard().assert_tone(620, &[440, 1_000, 1_400]);
    globex_100.heard().assert_tone(1_400, &[440, 620, 1_000]);
    for tenant in ["acme", "globex"] {
        let records = server.records(tenant, 1);
        assert_eq!(records.len(), 1, "{tenant} sees its own call: {records:?}");
        assert_eq!(records[0]["tenant"], tenant);
    }
}
