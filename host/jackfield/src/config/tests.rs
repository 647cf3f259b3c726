//! What an administrator sees when the configuration is right and when it is wrong.

use std::time::Duration;

use ::plugin::{Archive, Origin, SecretKey};

use super::setting::Setting;
use super::*;

/// A configuration folder with one valid tenant, and bundled plugins.
struct Folder {
    config: tempfile::TempDir,
    bundled: tempfile::TempDir,
}

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

/// Where phones reach the host.
const HERE: &str = "[sip]\nadvertised = \"192.0.2.5\"\n";

/// Exports applications, and is never run here.
const APPS: &str = r#"(component (instance $none) (export "jackfield:pbx/apps@0.1.0" (instance $none)))"#;

impl Folder {
    fn new() -> Self {
        let folder = Self { config: tempfile::tempdir().unwrap(), bundled: tempfile::tempdir().unwrap() };
        folder.write("jackfield.toml", HERE);
        folder.tenant("acme", TENANT);
        folder.bundle("app-echo", "Echo", "");
        folder.bundle("app-read", "Read", "[capabilities]\ndialplan = {}\n[config.tries]\ntype = \"integer\"\n");
        folder
    }

    fn tenant(&self, name: &str, toml: &str) {
        self.write(&format!("tenants/{name}/tenant.toml"), toml);
        self.plan(name, "exten => 600,1,Answer()\n same => n,Hangup()\n");
    }

    /// Puts a dialplan in place whose context `internal` has these lines.
    fn plan(&self, tenant: &str, lines: &str) {
        self.write(&format!("tenants/{tenant}/dialplan.conf"), &format!("[internal]\n{lines}"));
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.config.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// A bundled plugin with one application.
    fn bundle(&self, id: &str, app: &str, more: &str) {
        let folder = self.bundled.path().join(id);
        std::fs::create_dir_all(&folder).unwrap();
        let manifest = format!("[plugin]\nid = \"{id}\"\nversion = \"0.1.0\"\n[provides]\napps = [\"{app}\"]\n{more}");
        std::fs::write(folder.join("plugin.toml"), manifest).unwrap();
        std::fs::write(folder.join("it.wasm"), wat::parse_str(APPS).unwrap()).unwrap();
    }

    fn load(&self) -> Loaded {
        self.load_for(&Running::default())
    }

    fn load_for(&self, running: &Running) -> Loaded {
        Loaded::read(self.config.path(), &Packages::new(Some(self.bundled.path().into())), running)
    }

    /// The problems as printed, without the folder's own name.
    fn problems(&self) -> Vec<String> {
        self.problems_for(&Running::default())
    }

    fn problems_for(&self, running: &Running) -> Vec<String> {
        let prefix = format!("{}/", self.config.path().display());
        self.load_for(running).problems().iter().map(|problem| problem.to_string().replace(&prefix, "")).collect()
    }
}

/// A server in which `acme` runs: with these plugins, each with its application, of which the file declared some.
fn running(installed: &[(&str, &str)], declared: &[&str]) -> Running {
    let plugin = |(id, app): &(&str, &str)| InstalledPlugin {
        id: (*id).into(),
        apps: vec![(*app).into()],
        functions: Vec::new(),
    };
    let tenant = RunningTenant {
        plugins: installed.iter().map(plugin).collect(),
        declared: declared.iter().map(|id| ((*id).to_owned(), String::new())).collect(),
    };
    Running { tenants: [(id("acme"), tenant)].into(), ..Running::default() }
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
    assert_eq!(acme.plugins[0].opened.package.origin, Origin::Bundled);
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

/// Phones cannot answer to 0.0.0.0: what a start would refuse is told before, and what would leave calls silent.
#[test]
fn phones_are_told_an_address() {
    let folder = Folder::new();
    let (own, everywhere) = ("udp = [\"192.0.2.5:5060\"]\ntcp = []\n", "[media]\naddress = \"0.0.0.0\"\n");
    for (file, line) in [
        (String::new(), "jackfield.toml:1:1: error: SIP is received on 0.0.0.0:5060"),
        ("[sip]\nudp = []\n".to_owned(), "jackfield.toml:1:1: error: SIP is received on 0.0.0.0:5060"),
        (format!("[sip]\n{own}"), "jackfield.toml:1:1: error: audio is received on 0.0.0.0"),
        (format!("[sip]\n{own}{everywhere}"), "jackfield.toml:5:11: error: audio is received on 0.0.0.0"),
    ] {
        folder.write("jackfield.toml", &file);
        let problems = folder.problems();
        assert!(problems.len() == 1 && problems[0].starts_with(line), "{file:?}: {problems:?}");
        assert!(problems[0].contains("(advertised = \""), "{problems:?}");
    }
    for file in
        [HERE.to_owned(), format!("[sip]\n{own}[media]\naddress = \"192.0.2.5\"\n"), format!("{HERE}{own}{everywhere}")]
    {
        folder.write("jackfield.toml", &file);
        assert_eq!(folder.problems(), Vec::<String>::new(), "{file:?}");
    }
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
    let running = Running { claims: folder.load().claims, ..Running::default() };
    folder.tenant("aaa", TENANT);
    folder.tenant("acme", "domains = 7\n");
    let loaded = folder.load_for(&running);
    assert!(loaded.tenants[&id("aaa")].is_err());
    // Once the owner gives the names up, the newcomer gets them in the same reload.
    folder.tenant("acme", "domains = [\"other.test\"]\n");
    let loaded = folder.load_for(&running);
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
    folder.tenant(
        "acme",
        "domains = [\"acme.test\"]\n[endpoints.100]\nsecret = \"Wj7mKq2TzRnP4xVb\"\n[plugins.app-echo]\n",
    );
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

/// F48: a misspelt plugin is an error at its line, not a plugin that goes away.
#[test]
fn a_misspelt_plugin_is_an_error_with_its_place() {
    let folder = Folder::new();
    folder.tenant("acme", &TENANT.replace("[plugins.app-echo]", "[plugins.app-ecko]"));
    let line = 1 + TENANT.lines().position(|line| line == "[plugins.app-echo]").unwrap();
    let expected = format!(
        "tenants/acme/tenant.toml:{line}:1: error: there is no bundled plugin `app-ecko` (did you mean `app-echo`?)"
    );
    assert_eq!(folder.problems(), std::slice::from_ref(&expected));
    // Where nothing runs yet, the phones of the tenant are served all the same; a tenant that runs keeps what it has.
    assert!(folder.load().tenants[&id("acme")].is_ok());
    let server = running(&[("app-echo", "Echo")], &["app-echo"]);
    assert!(folder.load_for(&server).tenants[&id("acme")].is_err());
    assert_eq!(folder.problems_for(&server), [expected]);
}

/// F48: everything a plugin's table says is held against the package, before anything is installed.
#[test]
fn a_plugins_table_must_fit_its_package() {
    let cases = [
        ("version = \"0.2.0\"", "version 0.2.0 is wanted, the package is 0.1.0"),
        ("package = \"app-echo\"", "the package is the plugin `app-echo` (call the table [plugins.app-echo])"),
        ("package = \"./nowhere\"", "nowhere: no plugin's folder: there is no plugin.toml in it"),
        ("grants = [\"dail\"]", "no capability `dail`: did you mean `dial`?"),
        ("grants = [\"kv\"]", "it does not declare kv, so that cannot be granted; it declares dialplan"),
        ("http-hosts = [\"api.example.com\"]", "the plugin does not ask for http: this would allow nothing"),
        ("config = { tires = 3 }", "the plugin has no setting `tires` (did you mean `tries`?)"),
        ("config = { tries = \"many\" }", "the setting `tries` is \"many\", which is not a whole number"),
    ];
    for (key, expected) in cases {
        let folder = Folder::new();
        folder.tenant("acme", &TENANT.replace("[plugins.app-echo]", &format!("[plugins.app-read]\n{key}")));
        let problems = folder.problems();
        let line = TENANT.lines().count();
        let place = |problem: &str| (line..=line + 1).any(|line| problem.contains(&format!("tenant.toml:{line}:")));
        assert!(problems.len() == 1 && problems[0].ends_with(expected) && place(&problems[0]), "{key}: {problems:?}");
    }
}

/// I6: what a plugin reaches beyond its manifest is written by the administrator, and a slip is told with its place.
#[test]
fn what_a_plugin_reaches_by_http_is_read_with_its_place() {
    let folder = Folder::new();
    folder.bundle("app-ask", "ASK", "[capabilities]\nhttp = { hosts = [\"api.example.com\"] }");
    let line = 1 + TENANT.lines().count();
    let tenant = |keys: &str| folder.tenant("acme", &format!("{TENANT}[plugins.app-ask]\n{keys}\n"));
    for (key, expected) in [
        ("http-hosts = [\"https://api.example.com\"]", "a host has no scheme and no path"),
        ("http-hosts = [\"*\"]", "is not a host such as"),
        ("http-private = [\"localhost:8080\"]", "is not an address or network, such as \"127.0.0.1:8080\""),
        ("http-private = [\"10.0.0.1/8\"]", "is not an address or network, such as"),
        ("http-privat = []", "unknown key"),
    ] {
        tenant(key);
        let problems = folder.problems();
        let place = format!("tenant.toml:{}:", line + 1);
        assert!(problems.len() == 1 && problems[0].contains(expected) && problems[0].contains(&place), "{problems:?}");
    }
    tenant(
        "http-hosts = [\"*.crm.example:8443\", \"127.0.0.1:8080\"]\nhttp-private = [\"127.0.0.1:8080\", \"fd00::/8\"]",
    );
    assert_eq!(folder.problems(), [""; 0]);
    let loaded = folder.load();
    let plugins = &loaded.tenants[&id("acme")].as_ref().unwrap().plugins;
    let http = &plugins.iter().find(|plugin| plugin.id == "app-ask").unwrap().http;
    assert_eq!((http.hosts.len(), http.networks.len()), (2, 2));
}

/// I5: secrets are the tenant's own, and no message shows one.
#[test]
fn secrets_of_a_plugin_are_read_and_never_shown() {
    const KEY: &str = "s3cr3t-Kq2TzRnP4x";
    let folder = Folder::new();
    folder.bundle("app-ask", "ASK", "[capabilities]\nhttp = { secrets = { API_KEY = {}, TOKEN = {} } }");
    let tenant = |keys: &str| folder.tenant("acme", &format!("{TENANT}[plugins.app-ask.secrets]\n{keys}\n"));
    let line = TENANT.lines().count() + 2;
    std::fs::write(folder.config.path().join("outside"), KEY).unwrap();
    let long = format!("API_KEY = \"{}\"", "x".repeat(::plugin::limit::HTTP_SECRET_BYTES + 1));
    for (keys, expected) in [
        (format!("API_KYE = \"{KEY}\""), "the plugin wants no secret `API_KYE` (did you mean `API_KEY`?)"),
        (format!("API_KEY = \"{KEY}\\n\""), "expected text in quotes"),
        ("API_KEY = \"\"".into(), "a secret has 1 to 4096 bytes and no control characters"),
        (long, "a secret has 1 to 4096 bytes and no control characters"),
        ("API_KEY = 7".into(), "expected text in quotes, or { file = \"secrets/key\" }"),
        ("API_KEY = { path = \"key\" }".into(), "expected text in quotes, or { file = \"secrets/key\" }"),
        ("API_KEY = { file = \"nowhere\" }".into(), "nowhere: no such file"),
        ("API_KEY = { file = \"../../outside\" }".into(), "it is outside the tenant's directory"),
        ("API_KEY = { file = \"/etc/hostname\" }".into(), "it is outside the tenant's directory"),
    ] {
        tenant(&keys);
        let problems = folder.problems();
        let place = format!("tenant.toml:{line}:");
        assert!(problems.len() == 1 && problems[0].contains(expected) && problems[0].contains(&place), "{problems:?}");
        assert!(!problems[0].contains("s3cr3t"), "{problems:?}");
    }
    tenant(&format!("API_KEY = {{ file = \"key\" }}\nTOKEN = \"{KEY}\""));
    std::fs::write(folder.config.path().join("tenants/acme/key"), format!("{KEY}\r\n")).unwrap();
    assert_eq!(folder.problems(), [""; 0]);
    let loaded = folder.load();
    let plugins = &loaded.tenants[&id("acme")].as_ref().unwrap().plugins;
    let http = &plugins.iter().find(|plugin| plugin.id == "app-ask").unwrap().http;
    assert!(http.secrets.values().all(|secret| &*secret.0 == KEY) && http.secrets.len() == 2);
    assert!(!format!("{plugins:?}").contains("s3cr3t"));
}

/// A name belongs to one plugin of a tenant.
#[test]
fn two_plugins_with_one_name_are_told() {
    let folder = Folder::new();
    folder.bundle("app-other", "ECHO", "");
    folder.tenant("acme", &format!("{TENANT}[plugins.app-other]\n"));
    assert!(
        folder.problems()[0].ends_with("ECHO is provided by the plugin `app-echo` already"),
        "{:?}",
        folder.problems()
    );
}

/// F48: the plan's lines with names that nobody provides are told with file, line and what was probably meant.
#[test]
fn unknown_names_of_the_dialplan_are_told() {
    let folder = Folder::new();
    folder.plan(
        "acme",
        "exten => 600,1,Ehco()\nexten => 601,1,Read(x)\nexten => 602,1,Set(x=${LNE(1)})\nexten => 603,1,echo()\n",
    );
    assert_eq!(
        folder.problems(),
        [
            "tenants/acme/dialplan.conf:2: error: no plugin of the tenant provides the application Ehco (did you mean `Echo`?)",
            "tenants/acme/dialplan.conf:3: error: no plugin of the tenant provides the application Read \
             (the bundled plugin `app-read` does: `jackfield plugin install acme app-read`, or [plugins.app-read] in tenant.toml)",
            "tenants/acme/dialplan.conf:4: error: no plugin of the tenant provides the function LNE",
        ]
    );
    assert!(folder.load().tenants[&id("acme")].is_ok(), "the other numbers of a tenant that starts are served");
    let server = running(&[("app-echo", "Echo")], &["app-echo"]);
    assert!(folder.load_for(&server).tenants[&id("acme")].is_err(), "a tenant that runs keeps its plan");
}

/// What a file does not mention: a plugin installed by command stays, one that the file declared goes with its table.
#[test]
fn a_plugin_by_command_counts_and_one_that_the_file_drops_does_not() {
    let folder = Folder::new();
    folder.plan("acme", "exten => 605,1,Hello()\n");
    assert_eq!(folder.problems_for(&running(&[("app-hello", "Hello")], &[])), Vec::<String>::new());
    let dropped = folder.problems_for(&running(&[("app-hello", "Hello")], &["app-hello"]));
    assert!(
        dropped[0].contains("dialplan.conf:2: error: no plugin of the tenant provides the application Hello"),
        "{dropped:?}"
    );
    // Removed by a command after the file declared it: it stays removed, so its names are not there.
    folder.plan("acme", "exten => 600,1,Echo()\n");
    let loaded = folder.load();
    let fingerprint = loaded.tenants[&id("acme")].as_ref().unwrap().plugins[0].fingerprint();
    let mut server = running(&[], &[]);
    server.tenants.get_mut(&id("acme")).unwrap().declared = [("app-echo".to_owned(), fingerprint)].into();
    assert!(folder.problems_for(&server)[0].contains("the application Echo"), "{:?}", folder.problems_for(&server));
}

/// F8, F48: a broken prompt is named with its reason.
#[test]
fn a_broken_prompt_is_an_error() {
    let folder = Folder::new();
    folder.write("tenants/acme/sounds/hello.wav", "not audio");
    let problems = folder.problems();
    assert!(
        problems[0].starts_with("tenants/acme/sounds/hello.wav: error: not a WAV file (needed: one channel"),
        "{problems:?}"
    );
}

/// What the host offers must be what the endpoints can answer.
#[test]
fn an_endpoint_that_could_never_log_in_is_told() {
    let folder = Folder::new();
    let hash = format!("ha1-sha256 = \"{}\"", "ab".repeat(32));
    folder.write("jackfield.toml", &format!("{HERE}digest = [\"md5\"]\n"));
    assert_eq!(folder.problems(), Vec::<String>::new());
    folder.tenant("acme", &TENANT.replace("secret = \"Wj7mKq2TzRnP4xVb\"", &hash));
    let problems = folder.problems();
    assert!(problems[0].contains("endpoint `100` cannot log in by any algorithm"), "{problems:?}");
}

/// F67: what did not come with the server is signed by somebody whom a file names, or the file says that it need not be.
#[test]
fn a_package_is_taken_from_whom_the_files_trust() {
    let folder = Folder::new();
    let manifest = "[plugin]\nid = \"app-mine\"\nversion = \"0.1.0\"\nserial = 1\n[provides]\napps = [\"Mine\"]\n";
    let wasm = wat::parse_str(APPS).unwrap();
    folder.write("tenants/acme/mine/plugin.toml", manifest);
    std::fs::write(folder.config.path().join("tenants/acme/mine/it.wasm"), &wasm).unwrap();
    let key = SecretKey::generate().unwrap();
    let publisher = key.public();
    let file = Archive::write(manifest, &wasm, &BTreeMap::new(), Some(&key)).unwrap();
    let path = folder.config.path().join("tenants/acme/mine.jfp");
    std::fs::write(&path, &file).unwrap();
    let problems = |root: &str, table: &str| {
        folder.tenant("acme", &format!("{root}\n{TENANT}\n[plugins.app-mine]\n{table}\n"));
        folder.problems().join("\n")
    };

    let refused = problems("", "package = \"./mine\"");
    assert!(refused.contains("nobody signed it (`unsigned = true` takes it all the same)"), "{refused}");
    assert_eq!(problems("", "package = \"./mine\"\nunsigned = true"), "");
    let signed = "package = \"./mine.jfp\"";
    for table in [signed, "package = \"./mine.jfp\"\nunsigned = true"] {
        let refused = problems("", table);
        let wanted = format!("signed by {publisher}, whom neither host nor tenant has pinned");
        assert!(refused.contains(&wanted) && refused.contains("tenant.toml:25:11: error: "), "{refused}");
    }
    assert_eq!(problems(&format!("publishers = [\"{publisher}\"]"), signed), "");
    assert_eq!(problems("", &format!("{signed}\npublisher = \"{publisher}\"")), "");
    folder.write("jackfield.toml", &format!("{HERE}[plugins]\npublishers = [\"{publisher}\"]\n"));
    assert_eq!(problems("", signed), "");
    // What is running goes by what it read when it began.
    let running = Running { publishers: Some(Vec::new()), ..Running::default() };
    assert!(folder.problems_for(&running).join("").contains("whom neither host nor tenant has pinned"));

    // Whom it is from says nothing of what it may do.
    folder.write("tenants/acme/mine/plugin.toml", &format!("{manifest}[capabilities]\nkv = {{}}\n"));
    let mine = "package = \"./mine\"\nunsigned = true";
    let refused = problems("", mine);
    assert!(refused.contains("it asks for kv, and nothing here allows that (grants = [\"kv\"])"), "{refused}");
    assert_eq!(problems("", &format!("{mine}\ngrants = [\"kv\"]")), "");

    let refused = problems("publishers = [\"ed25519:12\"]", signed);
    assert!(refused.contains("a publisher's key is `ed25519:` and 64 hex digits"), "{refused}");
    let mut tampered = file.to_vec();
    *tampered.last_mut().unwrap() ^= 1;
    std::fs::write(&path, tampered).unwrap();
    assert!(problems("", signed).contains("mine.jfp: the signature is wrong"));
    std::fs::write(&path, &file[..100]).unwrap();
    assert!(problems("", signed).contains("mine.jfp: the package is cut off"));
    std::fs::File::create(&path).unwrap().set_len(1 << 30).unwrap();
    assert!(problems("", signed).contains("1073741824 bytes, at most 134217728"));
}
