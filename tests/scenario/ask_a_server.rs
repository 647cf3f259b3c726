//! A plugin asks servers that it may not: a host that nobody allowed, addresses inside, and what is no URL. It is told in a word that it can
//! act on, and the call goes on (H15, I6, capability `http`).

use std::sync::Arc;

use switch::definition::PluginHttp;

use crate::harness::{World, run};

/// The name shown to 101 is what became of the request.
const DIALPLAN: &str = "\
[phones]
exten => 650,1,Ask(GET,http://other.example/)
 same => n,Set(CALLERID(name)=${ASKSTATUS})
 same => n,Dial(PJSIP/101)
exten => 651,1,Ask(GET,http://127.0.0.1/)
 same => n,Set(CALLERID(name)=${ASKSTATUS})
 same => n,Dial(PJSIP/101)
exten => 652,1,Ask(GET,http://0x7f.1/)
 same => n,Set(CALLERID(name)=${ASKSTATUS})
 same => n,Dial(PJSIP/101)
exten => 653,1,Ask(GET,http://169.254.169.254/latest/meta-data/)
 same => n,Set(CALLERID(name)=${ASKSTATUS})
 same => n,Dial(PJSIP/101)
exten => 654,1,Ask(GET,http://[fd00:ec2::254]/)
 same => n,Set(CALLERID(name)=${ASKSTATUS})
 same => n,Dial(PJSIP/101)
exten => 655,1,Ask(GET,http://10.0.0.1/)
 same => n,Set(CALLERID(name)=${ASKSTATUS})
 same => n,Dial(PJSIP/101)
exten => 656,1,Ask(GET,ftp://api.example.com/)
 same => n,Set(CALLERID(name)=${ASKSTATUS})
 same => n,Dial(PJSIP/101)
exten => 657,1,Ask(GET,http://user@api.example.com/)
 same => n,Set(CALLERID(name)=${ASKSTATUS})
 same => n,Dial(PJSIP/101)
exten => 658,1,Ask(GET,http://api.example.com/,x=a\\r\\nHost: b)
 same => n,Set(CALLERID(name)=${ASKSTATUS})
 same => n,Dial(PJSIP/101)
";

#[test]
fn what_nobody_allowed_is_denied_and_the_call_goes_on() {
    run(async {
        let mut world = World::with_dialplan(1, DIALPLAN).await;
        for plugin in ["func-core", "asker"] {
            world.install("acme", plugin).await;
        }
        let alice = world.registered("acme", "100").await;
        let bob = world.registered("acme", "101").await;
        let inside = ["127.0.0.1", "169.254.169.254", "10.0.0.1", "[fd00:ec2::254]"];
        for (number, hosts, networks, expected) in [
            ("650", &[][..], &[][..], "denied"),
            ("651", &[], &["127.0.0.1"], "denied"),
            ("651", &inside, &[], "denied"),
            ("652", &inside, &[], "denied"),
            ("653", &inside, &["10.0.0.0/8"], "denied"),
            ("654", &inside, &["10.0.0.0/8"], "denied"),
            ("655", &inside, &["10.0.0.1:8080"], "denied"),
            ("656", &[], &[], "invalid"),
            ("657", &[], &[], "invalid"),
            ("658", &[], &[], "invalid"),
        ] {
            let hosts = hosts.iter().map(|host: &&str| host.parse().expect("a host")).collect();
            let networks = networks.iter().map(|network: &&str| network.parse().expect("a network")).collect();
            let reaches = Arc::new(PluginHttp { hosts, networks, ..PluginHttp::default() });
            world.redefine("acme", |definition| definition.plugin_http = [("asker".to_owned(), reaches)].into()).await;
            let line = world.call(alice, number);
            let ringing = world.incoming(bob).await;
            assert_eq!(world.caller_name(ringing), expected, "{number}");
            world.hang_up(line);
            world.until_over(ringing).await;
        }
        world.finish().await;
    });
}
