//! What an administrator sees when the configuration is right and when it is wrong.

use std::time::Duration;

use super::setting::Setting;
use super::*;

/// A configuration folder with one valid tenant.
struct Folder(tempfile::TempDir);

const TENANT: &str = r#"
domains = ["acme.test"]

[templates.phone]
context = "internal"
contacts-max = 3

[templates.desk]
inherits = "phone"
codecs = ["pcma", "pcmu"]

[endpoints.100]
inherits = "desk"
secret = "Wj7mKq2TzRnP4xVb"
caller-id = "Alice <100>"

[[numbers]]
prefix = "912345678"
context = "internal"

[plugins.app-echo]
"#;

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.write("jackfield.toml", "");
        folder.tenant("acme", TENANT);
        folder
    }

    fn tenant(&self, name: &str, toml: &str) {
        self.write(&format!("tenants/{name}/tenant.toml"), toml);
        self.write(
            &format!("tenants/{name}/dialplan.conf"),
            "[internal]\nexten => 600,1,Answer()\n same => n,Hangup()\n",
        );
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn load(&self) -> Loaded {
        Loaded::read(self.0.path(), &Claims::default())
    }

    /// The problems as printed, without the folder's own name.
    fn problems(&self) -> Vec<String> {
        let prefix = format!("{}/", self.0.path().display());
        self.load().problems().iter().map(|problem| problem.to_string().replace(&prefix, "")).collect()
    }
}

fn id(name: &str) -> TenantId {
    TenantId::new(name).unwrap()
}

/// F48: values arrive in their types, defaults included.
#[test]
fn a_valid_folder_loads() {
    let loaded = Folder::new().load();
    assert_eq!(loaded.problems(), []);
    let server = loaded.server.unwrap();
    assert_eq!(server.media_ports, Some(10_000..=29_999));
    let acme = loaded.tenants[&id("acme")].as_ref().unwrap();
    let alice = &acme.endpoints[0];
    assert_eq!((alice.caller.name.as_str(), alice.caller.number.as_str()), ("Alice", "100"));
    assert_eq!(acme.plugins[0].package, Package::Bundled("app-echo".into()));
    assert_eq!(acme.numbers[0].prefix, "912345678");
}

/// F16: a template's settings apply through several levels; the nearest wins.
#[test]
fn endpoints_inherit_from_templates() {
    let folder = Folder::new();
    folder.tenant("acme", &TENANT.replace("inherits = \"desk\"", "inherits = [\"desk\"]\nexpiry-max = \"10m\""));
    let loaded = folder.load();
    let alice = &loaded.tenants[&id("acme")].as_ref().unwrap().endpoints[0];
    assert_eq!(alice.contacts_max, 3, "from phone, through desk");
    assert_eq!(alice.codecs.len(), 2, "from desk");
    assert_eq!(alice.expiry_max, Duration::from_secs(600), "its own");
    assert_eq!(alice.expiry_min, Duration::from_secs(60), "the default");
}

/// F48: an unknown key is an error with file, line, column and a suggestion; all problems are told at once.
#[test]
fn every_problem_is_told_with_its_place() {
    let folder = Folder::new();
    folder.write("jackfield.toml", "[sip]\nudp = [\"0.0.0.0\"]\n[medai]\n");
    let wrong = TENANT
        .replace("contacts-max = 3", "contact-max = 3")
        .replace("inherits = \"desk\"", "inherits = \"dekk\"")
        .replace("Wj7mKq2TzRnP4xVb", "pass100")
        .replace("prefix = \"912345678\"\ncontext = \"internal\"", "prefix = \"+34\"\ncontext = \"internl\"");
    folder.tenant("acme", &wrong);
    assert_eq!(
        folder.problems(),
        [
            "jackfield.toml:3:2: error: unknown key `medai` (did you mean `media`?)",
            "jackfield.toml:2:7: error: udp: \"0.0.0.0\" is not an address with a port, such as \"0.0.0.0:5060\" (allowed: at most 16 of \"ADDRESS:PORT\")",
            "tenants/acme/tenant.toml:6:1: error: unknown key `contact-max` in [templates.phone] (did you mean `contacts-max`?)",
            "tenants/acme/tenant.toml:13:12: error: there is no template `dekk` (did you mean `desk`?)",
            "tenants/acme/tenant.toml:14:10: error: secret: only 7 characters, at least 10 (make one with `openssl rand -base64 18`)",
            "tenants/acme/tenant.toml:18:10: error: prefix: expected 3 to 20 digits (allowed: 3 to 20 digits, without +)",
            "tenants/acme/tenant.toml:19:11: error: the dialplan has no context `internl` (did you mean `internal`?)",
        ]
    );
}

#[test]
fn a_syntax_error_names_its_place() {
    let folder = Folder::new();
    folder.tenant("acme", "domains = [\"acme.test\"\n[endpoints.100]\n");
    let problems = folder.problems();
    assert!(problems[0].starts_with("tenants/acme/tenant.toml:2:"), "{problems:?}");
}

/// F10: a broken tenant is its own trouble.
#[test]
fn a_broken_tenant_does_not_touch_the_others() {
    let folder = Folder::new();
    folder.tenant("broken", "domains = 7\n");
    folder.write("tenants/Not A Name/tenant.toml", "");
    let loaded = folder.load();
    assert!(loaded.tenants[&id("acme")].is_ok());
    assert!(loaded.tenants[&id("broken")].is_err());
    assert_eq!(loaded.others.len(), 1);
}

/// F9: a number or domain of two tenants is refused, and the error names the owner.
#[test]
fn a_name_of_another_tenant_is_refused() {
    let folder = Folder::new();
    folder.tenant("zeta", TENANT);
    let problems = folder.problems();
    assert_eq!(
        problems,
        [
            "tenants/zeta/tenant.toml:2:11: error: the domain acme.test belongs to tenant `acme`",
            "tenants/zeta/tenant.toml:18:10: error: the number 912345678 belongs to tenant `acme`",
        ]
    );
}

/// F9, F10: a newcomer cannot take a running tenant's number, not even by a name that sorts first or while the owner's file is broken.
#[test]
fn the_running_owner_keeps_its_names() {
    let folder = Folder::new();
    let running = folder.load().claims;
    folder.tenant("aaa", TENANT);
    folder.tenant("acme", "domains = 7\n");
    let loaded = Loaded::read(folder.0.path(), &running);
    assert!(loaded.tenants[&id("aaa")].is_err());
    // Once the owner gives the names up, the newcomer gets them in the same reload.
    folder.tenant("acme", "domains = [\"other.test\"]\n");
    let loaded = Loaded::read(folder.0.path(), &running);
    assert!(loaded.tenants[&id("aaa")].is_ok(), "{:?}", loaded.problems());
}

#[test]
fn a_template_that_inherits_from_itself_is_refused() {
    let folder = Folder::new();
    folder.tenant("acme", &TENANT.replace("[templates.phone]", "[templates.phone]\ninherits = \"desk\""));
    let problems = folder.problems();
    assert!(problems.iter().any(|problem| problem.contains("inherits from itself")), "{problems:?}");
}

/// Hashes instead of secrets; never both.
#[test]
fn a_secret_may_be_given_as_its_hash() {
    let folder = Folder::new();
    let hash = format!("ha1-sha256 = \"{}\"", "AB".repeat(32));
    folder.tenant("acme", &TENANT.replace("secret = \"Wj7mKq2TzRnP4xVb\"", &hash));
    let loaded = folder.load();
    let credential = &loaded.tenants[&id("acme")].as_ref().unwrap().endpoints[0].credential;
    assert!(*credential == Credential::Hashes { sha256: Some("ab".repeat(32)), md5: None });
    folder.tenant("acme", &TENANT.replace("caller-id", &format!("{hash}\ncaller-id")));
    assert!(folder.problems()[0].contains("both a secret and a hash"), "{:?}", folder.problems());
}

#[test]
fn two_endpoints_may_not_share_a_secret() {
    let folder = Folder::new();
    folder.tenant("acme", &format!("{TENANT}\n[endpoints.101]\nsecret = \"Wj7mKq2TzRnP4xVb\"\n"));
    assert!(folder.problems()[0].contains("endpoint `100` has the same one"), "{:?}", folder.problems());
}

/// A secret is never shown by accident.
#[test]
fn debug_output_has_no_secret() {
    let loaded = Folder::new().load();
    let text = format!("{:?}", loaded.tenants[&id("acme")]);
    assert!(text.contains("acme.test") && !text.contains("Wj7mKq2TzRnP4xVb"));
}

/// Every default is TOML in its own bound, or reading it would panic.
#[test]
fn defaults_are_valid() {
    // `Server::from_file` of an empty file and a tenant with one bare endpoint read every default there is.
    let folder = Folder::new();
    folder.tenant("acme", "domains = [\"acme.test\"]\n[endpoints.100]\nsecret = \"Wj7mKq2TzRnP4xVb\"\n[plugins.x]\n");
    assert_eq!(folder.problems(), Vec::<String>::new());
    let required: Setting<bool> =
        Setting { key: "k", doc: "", bound: "", default: Some("true"), read: setting::boolean };
    assert_eq!(required.default_value(), Some(true));
}

#[test]
fn the_reference_lists_every_setting() {
    let text = reference::text();
    for key in ["udp", "ports", "domains", "prefix", "contacts-max", "ha1-sha256", "grants"] {
        assert!(text.contains(&format!("\n{key} = ")), "{key} is missing in:\n{text}");
    }
}
