use super::*;

fn machine(variables: &[(&str, &str)], config: &str, credentials: &str) -> Machine {
    let mut environment: BTreeMap<String, String> = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    environment.insert("HOME".into(), "/home/ada".into());
    Machine::of(environment, |path| match path.to_str() {
        Some("/home/ada/.aws/config") => Ok(config.as_bytes().to_vec()),
        Some("/home/ada/.aws/credentials") => Ok(credentials.as_bytes().to_vec()),
        _ => Err(std::io::ErrorKind::NotFound.into()),
    })
    .unwrap()
}

const TWO: &str = "[default]\nregion = us-east-1\n[profile ops]\nregion = eu-central-1\n";

#[test]
fn every_value_knows_where_it_was_said() {
    let one = machine(&[("AWS_PROFILE", " ops ")], TWO, "");
    let profile = one.profile(None).unwrap().unwrap();
    assert_eq!(
        (profile.value.as_str(), profile.said.to_string().as_str()),
        ("ops", "AWS_PROFILE")
    );
    let region = one.region(None, Some("ops")).unwrap().unwrap();
    assert_eq!(region.value, "eu-central-1");
    assert_eq!(region.said.to_string(), "/home/ada/.aws/config, line 4");
    let blank = machine(
        &[("AWS_REGION", "  "), ("AWS_DEFAULT_REGION", "eu-west-1")],
        TWO,
        "",
    );
    let region = blank.region(None, None).unwrap().unwrap();
    assert_eq!(region.said, Said::Variable("AWS_DEFAULT_REGION".into()));
}

#[test]
fn a_profile_that_there_is_not_is_never_another_one() {
    let near = machine(&[("AWS_PROFILE", "opps")], TWO, "");
    let said = near.profile(None).unwrap_err().to_string();
    assert!(
        said.contains("\"opps\", which AWS_PROFILE names; did you mean \"ops\"?"),
        "{said}"
    );
    let bare = machine(&[], "[ops]\nregion = x\n", "");
    let said = bare.profile(Some("ops")).unwrap_err().to_string();
    assert!(
        said.contains("line 1, write [profile ops] instead of [ops]"),
        "{said}"
    );
}

#[test]
fn what_cannot_be_a_region_or_an_endpoint_is_refused_with_its_place() {
    let odd = machine(&[], "[default]\nregion = eu-central-1   ; main\n", "");
    let said = odd.region(None, None).unwrap_err().to_string();
    assert!(said.contains("/home/ada/.aws/config, line 2"), "{said}");
    let odd = machine(&[("AWS_ENDPOINT_URL_SSM", "localhost:4566")], "", "");
    let said = odd.endpoint("ssm", None).unwrap_err().to_string();
    assert!(said.contains("AWS_ENDPOINT_URL_SSM"), "{said}");
}

#[test]
fn odd_names_are_read_and_written_down_under_names_that_the_sdk_takes() {
    let odd = machine(
        &[],
        "[profile 'My Team']\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = A,B\nregion = eu-west-1\n[profile A,B]\nsso_session = FOO BAR\n[sso-session 'FOO BAR']\nsso_region = eu-west-1\n[profile Zürich]\nregion = eu-west-2\n",
        "[A,B]\naws_access_key_id = K\naws_secret_access_key = S\n",
    );
    for name in ["My Team", "A,B", "Zürich"] {
        assert_eq!(odd.profile(Some(name)).unwrap().unwrap().value, name);
    }
    assert_eq!(odd.base("My Team").unwrap(), "A,B");
    let text = odd.for_sdk(None);
    for line in text.lines().filter(|line| line.starts_with('[')) {
        let name = line.trim_end_matches(']').rsplit(' ').next().unwrap();
        let fits = |c: char| c.is_ascii_alphanumeric() || "_-/.%@:+".contains(c);
        assert!(name.chars().all(fits), "{line}");
    }
    assert!(
        text.contains(&format!("source_profile = {}", odd.alias("A,B"))),
        "{text}"
    );
}

#[test]
fn sources_are_asked_in_the_order_of_botocore() {
    let one = machine(
        &[],
        "[profile role]\nrole_arn = r\nsource_profile = process\nsso_session = s\n[profile process]\ncredential_process = /bin/x\naws_access_key_id = K\naws_secret_access_key = S\n[profile keys]\ncredential_process = /bin/x\n[profile nothing]\nregion = x\n[profile circle]\nrole_arn = r\nsource_profile = back\n[profile back]\nrole_arn = r\nsource_profile = circle\n[profile lost]\nrole_arn = r\nsource_profile = proces\n",
        "[keys]\naws_access_key_id = K\naws_secret_access_key = S\n",
    );
    assert!(matches!(one.source("role"), Source::Role { .. }));
    assert!(matches!(one.source("process"), Source::Process(_)));
    assert_eq!(one.source("keys"), Source::Keys);
    assert_eq!(one.source("nothing"), Source::Elsewhere);
    assert_eq!(one.base("role").unwrap(), "process");
    assert!(
        one.base("circle")
            .unwrap_err()
            .contains("begin with one another")
    );
    let lost = one.base("lost").unwrap_err();
    assert!(lost.contains("did you mean \"process\"?"), "{lost}");
    let keys = Keys {
        id: "NEW".into(),
        secret: "S2".into(),
        token: Some("T".into()),
    };
    let text = one.for_sdk(Some(("process", &keys)));
    assert!(text.contains("aws_access_key_id = NEW") && text.contains("aws_session_token = T"));
    assert!(!text.contains("credential_process = /bin/x\naws"), "{text}");
    assert!(!format!("{keys:?}").contains("S2"));
}

#[test]
fn endpoints_are_asked_in_the_order_of_botocore() {
    let config = "[profile dev]\nservices = local\nendpoint_url = http://all\n[services local]\nssm =\n  endpoint_url = http://ssm\n";
    let asked = |variables: &[(&str, &str)], service: &str| {
        let one = machine(variables, config, "");
        one.endpoint(service, Some("dev"))
            .unwrap()
            .map(|found| found.value)
    };
    assert_eq!(asked(&[], "ssm").as_deref(), Some("http://ssm"));
    assert_eq!(asked(&[], "sts").as_deref(), Some("http://all"));
    let global = [("AWS_ENDPOINT_URL", "http://env")];
    assert_eq!(asked(&global, "ssm").as_deref(), Some("http://env"));
    let own = [
        ("AWS_ENDPOINT_URL", "http://env"),
        ("AWS_ENDPOINT_URL_SSM", "http://own"),
    ];
    assert_eq!(asked(&own, "ssm").as_deref(), Some("http://own"));
    let ignored = [
        ("AWS_ENDPOINT_URL", "http://env"),
        ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true"),
    ];
    assert_eq!(asked(&ignored, "ssm"), None);
}
