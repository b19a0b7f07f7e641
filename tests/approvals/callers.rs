//! Who agrees, to AWS: their console signs a question about them, and the requester's asks it.

use serde_json::Value;

use crate::host::{self, APPROVER, Host, OTHERS};
use crate::support::{Said, run_python_of};
use crate::terminal::Terminal;

const REQUESTERS: (&str, &str) = ("AKIDREQUESTER", "one");
const APPROVERS: (&str, &str) = ("AKIDAPPROVER", "two");

const TOKEN: &str = "IQoJb3JpZ2lu+/x==";

/// What the approver's console signed.
fn proof(host: &Host, request: &str) -> String {
    let written = host.approvals.join(format!("{request}.{APPROVER}.answer"));
    let said: Value = serde_json::from_str(&std::fs::read_to_string(written).unwrap()).unwrap();
    said["caller"].as_str().unwrap().to_owned()
}

/// What a user's environment says of AWS: it is no rehearsal to them.
fn keys(host: &Host, (key, secret): (&'static str, &'static str)) -> Vec<(&'static str, String)> {
    vec![
        ("AWS_ENDPOINT_URL", host.server.endpoint.clone()),
        ("AWS_ACCESS_KEY_ID", key.into()),
        ("AWS_SECRET_ACCESS_KEY", secret.into()),
        ("AWS_REGION", "eu-central-1".into()),
    ]
}

/// A console with credentials of its own, in which others were asked; and the request's name.
fn asked(configuration: &str) -> (Host, Terminal, String) {
    let host = Host::with(OTHERS, configuration);
    let extra = keys(&host, REQUESTERS);
    let extra: Vec<(&str, &str)> = extra.iter().map(|(name, text)| (*name, &**text)).collect();
    let mut console = host.live(&extra);
    let request = Host::sought(&mut console, "orders");
    (host, console, request)
}

fn agree(host: &Host, request: &str, keys: &[(&str, String)]) -> Said {
    let said = host.run_with(APPROVER, &["approve", request], "orders\n", keys);
    assert_eq!(said.code, 0, "{said:?}");
    said
}

#[test]
fn aws_says_who_agreed_and_it_is_recorded() {
    let (host, mut console, request) = asked("require_caller_identity = true");
    // Without credentials nothing can be proved, and nothing is written.
    let no = host.run_as(APPROVER, &["approve", &request], "orders\n");
    assert!(no.code == 1 && no.err.contains("cannot: no AWS"), "{no:?}");
    // Nor is a file believed that somebody wrote by hand.
    let digest = host.digest();
    let name = format!("{request}.{APPROVER}.answer");
    host.file_as(APPROVER, &name, &host.answer(&digest, "orders"), 0o640);
    console.see("daemon: it does not prove who calls AWS");
    assert!(!host.started());
    let mut own = keys(&host, APPROVERS);
    own.push(("AWS_SESSION_TOKEN", TOKEN.into()));
    let yes = agree(&host, &request, &own);
    assert!(!yes.out.contains("who you are to AWS"), "{yes:?}");
    console.see("The playbook ended: completed · resolved");
    let given = host::find(&host.incident(&["incidents", "--json"]), "approval_given");
    assert_eq!(
        given["approver"]["arn"],
        "arn:aws:iam::111122223333:user/approver"
    );
    // botocore signs the same.
    let (key, secret) = APPROVERS;
    let signed = [
        proof(&host, &request),
        format!("{digest}:{APPROVER}"),
        key.into(),
        secret.into(),
        TOKEN.into(),
    ];
    let signed = signed.each_ref().map(String::as_str);
    run_python_of("python", "boto3_presigned.py", &signed);
}

#[test]
fn one_caller_does_not_agree_with_itself_unless_it_is_known_to_be_shared() {
    let (host, mut console, request) = asked("");
    agree(&host, &request, &keys(&host, REQUESTERS));
    console.see("AWS knows who asked and who agrees as one and the same");
    assert!(!host.started());
    let role = "shared_roles = [\"arn:aws:iam::111122223333:user/requester\"]";
    let (host, mut console, request) = asked(role);
    agree(&host, &request, &keys(&host, REQUESTERS));
    console.see("daemon (arn:aws:iam::111122223333:user/requester, a shared role) agreed");
    console.see("The playbook ended: completed · resolved");
}

#[test]
fn a_proof_that_its_owner_did_not_sign_is_refused() {
    let (host, mut console, request) = asked("");
    agree(&host, &request, &keys(&host, (APPROVERS.0, "guessed")));
    console.see("SignatureDoesNotMatch");
    assert!(!host.started());
}

#[test]
fn a_proof_is_good_for_one_request_and_asked_where_aws_is() {
    let (other, _console, before) = asked("");
    let (host, mut console, request) = asked("");
    let name = format!("{request}.{APPROVER}.answer");
    let mut answer: Value = serde_json::from_str(&host.answer(&host.digest(), "orders")).unwrap();
    // Somebody else agreed to another request, and left their proof there.
    let mut there = keys(&other, APPROVERS);
    there[0].1.clone_from(&host.server.endpoint);
    agree(&other, &before, &there);
    answer["caller"] = proof(&other, &before).into();
    host.file_as(APPROVER, &name, &answer.to_string(), 0o640);
    console.see("SignatureDoesNotMatch");
    answer["caller"] = "http://169.254.169.254/latest/meta-data".into();
    host.file_as(APPROVER, &name, &answer.to_string(), 0o640);
    console.see("was signed for another place");
    assert!(!host.started());
}

#[test]
fn somebody_elses_proof_and_a_request_that_looked_another_way_do_not_count() {
    let (host, mut console, request) = asked("");
    // Another user of this host signs, and a member of the group copies it.
    let signed = keys(&host, APPROVERS);
    let own = host.run_with(0, &["approve", &request], "orders\n", &signed);
    assert_eq!(own.code, 0, "{own:?}");
    let theirs = host.approvals.join(format!("{request}.0.answer"));
    let said: Value = serde_json::from_str(&std::fs::read_to_string(theirs).unwrap()).unwrap();
    let mut answer: Value = serde_json::from_str(&host.answer(&host.digest(), "orders")).unwrap();
    answer["caller"] = said["caller"].clone();
    let name = format!("{request}.{APPROVER}.answer");
    host.file_as(APPROVER, &name, &answer.to_string(), 0o640);
    console.see("daemon: AWS does not say who it is: SignatureDoesNotMatch");
    assert!(!host.started());
    // The requester shows the others a rehearsal, and another reason.
    let path = host.approvals.join(format!("{request}.request"));
    let text = std::fs::read_to_string(&path).unwrap();
    let mut forged: Value = serde_json::from_str(&text).unwrap();
    forged["rehearsal"] = true.into();
    forged["reason"] = "practise agreeing".into();
    std::fs::write(&path, forged.to_string()).unwrap();
    let listed = host.run_as(APPROVER, &["approvals"], "");
    assert!(listed.out.contains("REHEARSAL"), "{listed:?}");
    std::fs::remove_file(host.approvals.join(&name)).unwrap();
    agree(&host, &request, &keys(&host, APPROVERS));
    console.see("what they saw is not what was asked");
    assert!(!host.started());
}
