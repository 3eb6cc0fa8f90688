//! The lab in tests: an EC2-compatible endpoint with real block devices (`tests/lab`), one for each [`Lab`], gone with it.
#![allow(dead_code, clippy::disallowed_methods)] // Each test file uses its own part; tests start processes themselves.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

/// The region of the builder host.
pub const REGION: &str = "eu-central-1";
/// The account of the builder host, and of the keys `LABMAIN`, `LABREAD`, `LABDENIED`.
pub const ACCOUNT: &str = "111122223333";
/// The account of the key `LABOTHER`.
pub const OTHER_ACCOUNT: &str = "444455556666";

/// A lab that runs.
pub struct Lab {
    child: Child,
    address: String,
    facts: Value,
}

impl Lab {
    /// Starts one whose devices have Xen names: asked for `/dev/sdf`, there is `/dev/xvdf`.
    pub fn xen() -> Lab {
        Lab::start(&["--manner", "xen"])
    }

    /// Starts one whose devices have NVMe names, with links by the volume's id.
    pub fn nvme() -> Lab {
        Lab::start(&["--manner", "nvme"])
    }

    /// Starts one with these arguments. It ends when its standard input does: so also when this process is killed.
    fn start(arguments: &[&str]) -> Lab {
        let run = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab/run");
        let mut command = Command::new(run);
        command.args(["--json", "--until-eof"]).args(arguments);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the lab starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("it was asked for above"))
            .read_line(&mut line)
            .expect("the lab says where it is");
        let ready: Value = serde_json::from_str(&line).expect("the lab is ready: what is wrong stands above");
        let endpoint = ready["endpoint"].as_str().expect("an endpoint");
        let address = endpoint.trim_start_matches("http://").to_owned();
        let mut lab = Lab {
            child,
            address,
            facts: Value::Null,
        };
        lab.facts = lab.get("facts");
        lab
    }

    /// Its URL.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Makes a command a client of the lab, as the builder `LABMAIN`, and of nothing else.
    pub fn environment(&self, command: &mut Command) {
        self.environment_of(command, "LABMAIN");
    }

    /// Makes a command a client of the lab with this access key. Images of each lab are in a workspace of their own, unless a
    /// test says another: locks of images are the host's, and labs do not wait for each other.
    pub fn environment_of(&self, command: &mut Command, key: &str) {
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("AWS_") {
                command.env_remove(name);
            }
        }
        command
            .env(
                "BAKE_WORKSPACE",
                format!("lab-{}", self.address.replace([':', '.'], "-")),
            )
            .env("AWS_ENDPOINT_URL", self.endpoint())
            .env("AWS_EC2_METADATA_SERVICE_ENDPOINT", self.endpoint())
            .env("AWS_ACCESS_KEY_ID", key)
            .env("AWS_SECRET_ACCESS_KEY", "lab")
            .env("AWS_REGION", REGION)
            .env("AWS_CONFIG_FILE", "/dev/null")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
    }

    /// The id of a preset image in the builder host's region: `whole-disk`, `xfs`, `lvm`, ... (tests/lab/lab/presets.py).
    pub fn image(&self, name: &str) -> String {
        self.fact(&format!("/{REGION}/images/{name}"))
    }

    /// The instance id of the builder host.
    pub fn host(&self) -> String {
        self.fact(&format!("/{REGION}/host"))
    }

    /// The ARN of a key in a region by its alias without `alias/`.
    pub fn key(&self, region: &str, alias: &str) -> String {
        self.fact(&format!("/{region}/keys/alias~1{}", alias.replace('/', "~1")))
    }

    fn fact(&self, pointer: &str) -> String {
        let fact = self.facts.pointer(pointer).and_then(Value::as_str);
        fact.unwrap_or_else(|| panic!("the lab has no {pointer}")).to_owned()
    }

    /// Orders a fault, or a list of them (tests/lab/lab/faults.py).
    pub fn fault(&self, fault: Value) {
        self.post("faults", &fault);
    }

    /// Takes all faults back; calls that are held go on.
    pub fn no_faults(&self) {
        self.ask("DELETE", "faults", "");
    }

    /// Waits until the fault that was ordered last has struck so often.
    pub fn until_struck(&self, times: u64) {
        for _ in 0..3000 {
            let faults = self.get("faults");
            let last = faults
                .as_array()
                .and_then(|all| all.last())
                .expect("a fault was ordered");
            if last["struck"].as_u64() >= Some(times) {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        panic!("the fault does not strike: {:#}", self.get("faults"));
    }

    /// Lets held calls go on.
    pub fn release(&self) {
        self.post("release", &json!({}));
    }

    /// Changes settings: delays in seconds, `manner`, `imds` (tests/lab/lab/lab.py).
    pub fn set(&self, settings: Value) {
        self.post("settings", &settings);
    }

    /// Makes or changes an access key: `state`, `policies`, `account`.
    pub fn access_key(&self, key: Value) {
        self.post("key", &key);
    }

    /// Sets the lab's clock forward.
    pub fn advance(&self, seconds: u64) {
        self.post("clock", &json!({ "advance": seconds }));
    }

    /// Calls to services since the beginning, each with `action`, `region`, `parameters`, `token`, `outcome`, `account`.
    pub fn calls(&self) -> Vec<Value> {
        self.calls_since(0)
    }

    /// Calls after so many.
    pub fn calls_since(&self, count: usize) -> Vec<Value> {
        match self.get(&format!("log?since={count}")) {
            Value::Array(calls) => calls,
            other => panic!("the log of calls is a list: {other}"),
        }
    }

    /// How many calls with this action there were, whatever came of them.
    pub fn count(&self, action: &str) -> usize {
        self.calls().iter().filter(|call| call["action"] == action).count()
    }

    /// What stands and is no preset: `volumes`, `snapshots`, `images`, `attachments`, `parameters`, `loops`, `mounts`.
    pub fn inventory(&self) -> Value {
        let begun = self.fact_number("born");
        self.get(&format!("inventory?since={begun}"))
    }

    fn fact_number(&self, name: &str) -> u64 {
        self.facts[name].as_u64().expect("a number")
    }

    /// The file with the bytes of a snapshot or volume of the builder host's region.
    pub fn disk(&self, id: &str) -> PathBuf {
        let answer = self.get(&format!("disk?region={REGION}&id={id}"));
        PathBuf::from(answer["file"].as_str().expect("a path"))
    }

    /// An image as EC2 describes it to its owner.
    pub fn describe_image(&self, id: &str) -> Value {
        self.ec2(REGION, &format!("describe_images(ImageIds=['{id}'])['Images'][0]"))
    }

    /// What a call of EC2 (of boto3's client) in a region answers, as the builder makes it beside bake.
    pub fn ec2(&self, region: &str, call: &str) -> Value {
        let script =
            format!("import json, boto3\nprint(json.dumps(boto3.client('ec2', '{region}').{call}, default=str))");
        let run = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab/run");
        let mut command = Command::new(run);
        command.args(["--python", "-c", &script]);
        self.environment(&mut command);
        let output = command.output().expect("Python starts");
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
    }

    /// Calls a service that speaks JSON as the builder: `("secretsmanager", "secretsmanager.CreateSecret", ...)`.
    pub fn service(&self, service: &str, target: &str, body: &Value) -> Value {
        let scope = format!("Credential=LABMAIN/20260101/{REGION}/{service}/aws4_request");
        let headers = format!("Authorization: AWS4-HMAC-SHA256 {scope}\r\nX-Amz-Target: {target}\r\n");
        self.send("POST", "/", &headers, &body.to_string())
    }

    /// Puts a parameter, as a new version if it stands; the number of the version.
    pub fn put_parameter(&self, body: Value) -> u64 {
        let mut asked = json!({ "Overwrite": true });
        let all = body.as_object().expect("an object").clone();
        asked.as_object_mut().expect("an object").extend(all);
        let answer = self.service("ssm", "AmazonSSM.PutParameter", &asked);
        answer["Version"].as_u64().expect("a version")
    }

    /// Makes a secret, or a new version of it; the id of the version.
    pub fn put_secret(&self, action: &str, body: Value) -> String {
        let answer = self.service("secretsmanager", &format!("secretsmanager.{action}"), &body);
        answer["VersionId"].as_str().expect("a version").to_owned()
    }

    /// Asks the lab's own endpoint.
    pub fn get(&self, path: &str) -> Value {
        self.ask("GET", path, "")
    }

    /// Tells the lab's own endpoint.
    pub fn post(&self, path: &str, value: &Value) -> Value {
        self.ask("POST", path, &value.to_string())
    }

    fn ask(&self, method: &str, path: &str, body: &str) -> Value {
        self.send(method, &format!("/_lab/{path}"), "", body)
    }

    fn send(&self, method: &str, path: &str, headers: &str, body: &str) -> Value {
        let mut stream = TcpStream::connect(&self.address).expect("the lab listens");
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).expect("the lab reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("the lab answers");
        let (head, body) = answer.split_once("\r\n\r\n").expect("an answer has a body");
        assert!(head.starts_with("HTTP/1.1 200"), "{method} {path}: {answer}");
        serde_json::from_str(body).expect("an answer is JSON")
    }
}

impl Drop for Lab {
    /// Ends it in order; it frees its devices and removes its directory.
    fn drop(&mut self) {
        let _ = kill(Pid::from_raw(self.child.id() as i32), Signal::SIGTERM);
        let _ = self.child.wait();
    }
}
