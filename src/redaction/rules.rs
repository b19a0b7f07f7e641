//! The rules. What a group holds is masked; without a group, the whole match.
//!
//! Formats are those that the issuers document; where a token has no shape of its own, the words
//! around it tell. `(?:^|[^A-Za-z0-9])` stands where `\b` would miss `x_AKIA…`. A prefix at the
//! very end of a text counts although it is too short: the text was cut there.

/// How a private key begins and ends when it comes line by line.
pub(super) const KEY_BEGINS: &str = "-----BEGIN ";
pub(super) const KEY_ENDS: &str = "-----END ";

/// Tells a private key from a certificate.
pub(super) fn is_private(header: &str) -> bool {
    header
        .split("-----")
        .nth(1)
        .is_some_and(|title| title.contains("PRIVATE KEY"))
}

/// Rules over what a secret looks like, and what stands around it. Those over names are in
/// [`super::names`].
pub(super) const RULES: &[&str] = &[
    // --- AWS
    r"(?:^|[^A-Za-z0-9])((?:AKIA|ASIA|ABIA|ACCA|A3T[A-Z0-9])(?:[A-Z0-9]{16}|[A-Z0-9]{2,15}$))",
    r#"(?i)(?:aws_?)?secret_?(?:access_?)?key(?:_?id)?["']?\s{0,3}(?:[:=]|=>)\s{0,3}["']?([A-Za-z0-9/+]{16,})"#,
    r#"(?i)(?:aws_?)?(?:session|security)[_-]?token["']?\s{0,3}(?:[:=]|=>)\s{0,3}["']?([A-Za-z0-9/+=%_-]{8,})"#,
    r"(?:^|[^A-Za-z0-9+/])((?:IQoJb3JpZ2lu|FwoGZXIvYXdz|FQoGZXIvYXdz|FQoDYXdz)[A-Za-z0-9+/=%]*)",
    r"(?:^|[^A-Za-z0-9])(ABSK[A-Za-z0-9+/]{60,}={0,2})",
    r"(?i)AWS4-HMAC-SHA256\s+Credential=([^\s,]+)",
    r"(?i)\bSignature=([0-9a-f]{16,})",
    r#"(?i)X-Amz-(?:Signature|Security-Token|Credential)(?:=|%3D|["']?\s*:\s*["']?)([^&\s"'<>]+)"#,
    r#"(?i)[?&;](?:sig|signature|x-goog-signature|access_token|refresh_token|id_token|api_?key|token|code|key|password|pwd|secret|client_secret|auth|session(?:_?id)?)=([^&#\s"'<>]+)"#,
    r"(?i)\baws_secret_access_key\s+([A-Za-z0-9/+]{40})",
    r"(?i)\bsecret\s?access\s?key\s*[:=]?\s+([A-Za-z0-9/+]{40})",
    // --- other clouds
    r"(?:^|[^A-Za-z0-9_-])(AIza[A-Za-z0-9_-]{35})",
    r"(?:^|[^A-Za-z0-9])(ya29\.[A-Za-z0-9_.-]{20,}|GOCSPX-[A-Za-z0-9_-]{28}|1//0[A-Za-z0-9_-]{30,})",
    r#""private_key_id"\s*:\s*"([0-9a-f]{40})"#,
    r"(?i)\b(?:AccountKey|SharedAccessKey|SharedAccessSignature)\s*=\s*([A-Za-z0-9+/%&=?:.-]{12,})",
    r"(?:^|[^A-Za-z0-9_~.-])([A-Za-z0-9_~.]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34})",
    r"(?:^|[^A-Za-z0-9])(do[opr]_v1_[a-f0-9]{32,})",
    r"(?:^|[^A-Za-z0-9])(HRKU-[A-Za-z0-9_-]{36,})",
    r#"(?i)heroku[A-Za-z0-9_. -]{0,24}["']?\s{0,3}[:=]\s{0,3}["']?([0-9a-f]{8}-[0-9a-f-]{27})"#,
    r"(?:^|[^A-Za-z0-9])(hv[sbr]\.[A-Za-z0-9_-]{20,})",
    r#"(?i)vault[-_ ]?token["']?\s{0,3}[:=]\s{0,3}["']?([sbr]\.[A-Za-z0-9]{20,})"#,
    r"([A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{40,})",
    // --- keys, tokens with a form, hashes of passwords
    r"(?s)-----BEGIN (?:[A-Z0-9]+ ){0,4}PRIVATE KEY(?: BLOCK)?-----(.*?)(?:-----END (?:[A-Z0-9]+ ){0,4}PRIVATE KEY(?: BLOCK)?-----|\z)",
    r"(?s)---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----(.*?)(?:---- END SSH2 ENCRYPTED PRIVATE KEY ----|\z)",
    r"(?s)PuTTY-User-Key-File-[0-9]:.*?Private-Lines:\s*[0-9]+(.*?)(?:Private-(?:MAC|Hash):\s*[0-9a-fA-F]+|\z)",
    r"(?i)(AGE-SECRET-KEY-(?:PQ-)?1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{20,})",
    r"(?:^|[^A-Za-z0-9_-])(eyJ[A-Za-z0-9_-]{6,}(?:\.[A-Za-z0-9_-]*){1,4})",
    r#"(\$(?:2[abxy]?\$[0-9]{2}\$[./A-Za-z0-9]{53}|apr1\$[./A-Za-z0-9]{1,8}\$[./A-Za-z0-9]{22}|[156]\$(?:rounds=[0-9]+\$)?[./A-Za-z0-9]{1,16}\$[./A-Za-z0-9]{22,86}|y\$[./A-Za-z0-9]+\$[./A-Za-z0-9]{0,86}\$[./A-Za-z0-9]{43}|argon2(?:id|i|d)\$[^\s:"']+|pbkdf2-sha(?:1|256|512)\$[^\s:"']+|scrypt\$[^\s:"']+)|\{SSHA(?:256|384|512)?\}[A-Za-z0-9+/=]{20,}|\{SHA\}[A-Za-z0-9+/=]{28})"#,
    // --- chat and on-call
    r"(?:^|[^A-Za-z0-9])(xox[a-z](?:\.xox[a-z])?-(?:[A-Za-z0-9-]{8,}|[A-Za-z0-9-]*$)|xapp-[0-9]-[A-Za-z0-9-]{8,}|xwfp-[A-Za-z0-9-]{8,})",
    r"hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/([A-Za-z0-9/_-]+)",
    r#"(?i)\bToken\s+token=["']?([A-Za-z0-9_+-]{12,})"#,
    r"(?:^|[^A-Za-z0-9_+-])(u\+[A-Za-z0-9_+-]{18})",
    r"(?:^|[^A-Za-z0-9_+-])(y_[A-Za-z0-9_+-]{18})(?:[^A-Za-z0-9_+-]|$)",
    r#"(?i)(?:pagerduty|pager_duty|pd)[A-Za-z0-9_. -]{0,24}(?:key|token)["']?\s{0,3}[:=]\s{0,3}["']?([A-Za-z0-9_+-]{16,})"#,
    r"(?i)\b(?:routing|integration)\s+key\s+(?:is\s+)?([0-9A-Za-z]{32})",
    r#"(?i)(?:routing|service|integration)_?key["']?\s{0,3}[:=]\s{0,3}["']?([0-9a-zA-Z]{16,})"#,
    r"(?i)events\.(?:eu\.)?pagerduty\.com/(?:integration|x-ere|generic)/([A-Za-z0-9_-]{16,})",
    r"(?i)discord(?:app)?\.com/api/(?:v[0-9]+/)?webhooks/([0-9]{15,22}/[A-Za-z0-9_-]{20,})",
    r"(?:^|[^A-Za-z0-9_-])([MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,40})",
    r"(?:^|[^0-9A-Za-z])(?:bot)?([0-9]{6,12}:A[A-Za-z0-9_-]{34})",
    r"(?i)[a-z0-9-]+\.webhook\.office\.com/webhookb2/([A-Za-z0-9@/-]{20,})",
    r"(?i)\bGenieKey\s+([0-9a-f-]{16,})",
    // --- services
    r"(?:^|[^A-Za-z0-9])(gh[pousr]_(?:[A-Za-z0-9_.-]{20,}|[A-Za-z0-9_.-]*$)|github_pat_[A-Za-z0-9_]{16,})",
    r"(?:^|[^A-Za-z0-9])((?:glpat|gldt|glrt|glrtr|glcbt|glptt|glft|glimt|glagent|gloas|glsoat|glffct)-[A-Za-z0-9_.-]{16,}|GR1348941[A-Za-z0-9_-]{16,})",
    r"(?:^|[^A-Za-z0-9])((?:sk|rk)_(?:live|test|prod)_[A-Za-z0-9]{8,}|whsec_[A-Za-z0-9+/=]{16,})",
    r"(?:^|[^A-Za-z0-9])(SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{16,64})",
    r"(?:^|[^A-Za-z0-9])(npm_[A-Za-z0-9]{30,})",
    r#"(?i):_(?:authToken|auth|password)\s*=\s*["']?([^\s"']+)"#,
    r"(pypi-[A-Za-z0-9_-]{40,})",
    r"(?:^|[^A-Za-z0-9])(SK[0-9a-f]{32})(?:[^A-Za-z0-9]|$)",
    r#"(?i)(?:datadog|dd)[-_.]?(?:api|app|application|client)?[-_.]?(?:key|token)["']?\s{0,3}[:=]\s{0,3}["']?([0-9a-f]{32}(?:[0-9a-f]{8})?|pub[0-9a-f]{32})"#,
    r"(?:^|[^A-Za-z0-9])(NRAK-[A-Z0-9]{20,}|NR(?:II|IQ|RA|AA|SP|PI)-[A-Za-z0-9_-]{20,}|NRJS-[a-f0-9]{19}|[0-9a-f]{36}NRAL|(?:eu|gov)01xx[0-9a-f]{26,32}(?:NRAL)?)",
    r"(?:^|[^A-Za-z0-9])(sk-ant-[A-Za-z0-9_-]{12,}|sk-(?:(?:proj|svcacct|admin|None)-[A-Za-z0-9_-]{16,}|[A-Za-z0-9]{24,}))",
    r"(?:^|[^A-Za-z0-9])((?:hf|api_org)_[A-Za-z0-9]{30,})",
    r"(?:^|[^A-Za-z0-9])(shp(?:at|ca|pa|ss|ua|tka)_[A-Fa-f0-9]{24,})",
    r"(?:^|[^A-Za-z0-9])(glsa_[A-Za-z0-9]{32}_[A-Fa-f0-9]{8}|glc_[A-Za-z0-9+/=]{32,})",
    r"(?:^|[^A-Za-z0-9])(sntry[su]_[A-Za-z0-9+/=_-]{40,})",
    r"https?://([0-9a-f]{32}(?::[0-9a-f]{32})?)@[A-Za-z0-9.-]+/[0-9]+",
    r"(?:^|[^A-Za-z0-9])(dapi[a-f0-9]{32}|PMAK-[a-f0-9]{24}-[a-f0-9]{34}|pul-[a-f0-9]{40}|dp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9._-]{40,}|lin_api_[A-Za-z0-9]{40}|ATATT3[A-Za-z0-9_=-]{50,}|pscale_(?:pw|tkn|oauth)_[A-Za-z0-9_.=-]{32,}|tskey-[A-Za-z0-9-]{20,}|dckr_(?:pat|oat)_[A-Za-z0-9_-]{20,}|rubygems_[a-f0-9]{48}|ops_eyJ[A-Za-z0-9+/=]{100,}|xkeysib-[a-f0-9]{64}-[A-Za-z0-9]{16}|key-[0-9a-f]{32}|v1\.0-[a-f0-9]{24}-[a-f0-9]{146})",
    r"(?:^|[^A-Za-z0-9])(akab-[a-z0-9]{16}-[a-z0-9]{16}|amzn\.mws\.[A-Za-z0-9-]{32,}|bedrock-api-key-[A-Za-z0-9+/=-]{16,}|BBDC-[A-Za-z0-9+/=]{24,}|ATBB[A-Za-z0-9]{20,}|CLOJARS_[a-z0-9]{50,}|cf[ua]t_[A-Za-z0-9_-]{36,}|dnkey-[A-Z0-9-]{40,}|SWM(?:KEY|TKN)-1-[A-Za-z0-9-]{25,}|fig[duo][rh]?_[A-Za-z0-9_-]{32,}|gsk_[A-Za-z0-9]{40,}|AKCp[A-Za-z0-9]{60,}|(?:ntn|secret)_[A-Za-z0-9]{40,}|ph[cxsr]_[A-Za-z0-9]{32,}|nf[pcoub]_[A-Za-z0-9]{36}|(?:sbp|sb_secret)_[A-Za-z0-9_-]{24,}|tvly-[A-Za-z0-9-]{24,}|pplx-[A-Za-z0-9]{32,}|xai-[A-Za-z0-9]{40,}|llx-[A-Za-z0-9_-]{32,}|sq0(?:csp|atp|idp)-[A-Za-z0-9_-]{22,}|sq[upa]_[a-f0-9]{40}|dt0[a-z][0-9]{2}\.[A-Z0-9]{24}\.[A-Z0-9]{64}|oy2[a-z0-9]{43}|access_token\$(?:production|sandbox)\$[a-z0-9$]{16,}|EAACEdEose0cBA[A-Za-z0-9]+|IGQV[A-Za-z0-9_-]{60,}|00D[A-Za-z0-9]{12,15}![A-Za-z0-9_.]{60,})",
    // --- files and command lines
    r#""(?:auth|identitytoken|registrytoken)"\s*:\s*"([A-Za-z0-9+/=_.-]{8,})""#,
    r"(?m)\bmachine\s+\S+(?:\s+login\s+\S+)?\s+password\s+(\S+)",
    r"(?m)^[^\s:]+:(?:[0-9]{2,5}|\*):[^\s:]+:[A-Za-z0-9_$-]+:([^\s:]+)$",
    r#"(?:^|[\s;&|/])(?:mysql(?:dump|admin|import|show|binlog|check)?|mariadb(?:-dump|-admin)?|percona-[a-z-]+)\b[^\n|;&]*?\s-p([^\s"'-][^\s"']*|"[^"\n]*"|'[^'\n]*')"#,
    r#"(?i)(?:^|\s)--?(?:password|passwd|pass|pw|token|secret|api-?key|access-?key|secret-?key|auth-?token|client-?secret|requirepass|private-?key)(?:=|\s+)("[^"\n]*"|'[^'\n]*'|[^\s"'-][^\s"']*)"#,
    r"\bredis-cli\b[^\n|;&]*?\s-a\s+(\S+)",
    r#"\bsshpass\s+-p\s*("[^"\n]*"|'[^'\n]*'|\S+)"#,
    r#"\b(?:curl|wget|http)\b[^\n|;]*?\s(?:-u|--user|--proxy-user|-U)(?:=|\s*)["']?[^\s:"']+:([^\s"']+)"#,
    // --- URLs and headers
    r#"(?i)\b[a-z][a-z0-9+.-]{1,24}://[^\s:@/?#"'<>]*:([^\s/?#"'<>]+)@"#,
    r"(?i)\bhttps?://([A-Za-z0-9_.~-]{12,})@",
    r"(?i)\bjdbc:oracle:[a-z0-9]+:[^\s/:@]+/([^\s@]+)@",
    // Percent and JSON escapes of an equals sign.
    r#"(?i)(?:password|passwd|pwd|secret|token|api_?key)(?:%3d|\\u003d)([^\s%\\"'&]+)"#,
    r#"(?i)\b(?:proxy-)?authorization\\?["']?\s{0,3}[:=]\s{0,3}\\?["']?(?:(?:basic|bearer|token|apikey|api-key|negotiate|ntlm|digest|aws4-hmac-sha256|splunk|sso-key|bot|geniekey|hawk)\s+)?([^\s"'\\,]+)"#,
    r"(?i)\bbearer[\s:]+([A-Za-z0-9_.~+/=-]{8,})",
    r"\b[Bb]asic\s+([A-Za-z0-9+/]{8,}={0,2})",
    r#"(?i)\b(?:response|nonce|cnonce|opaque)="([^"]{8,})""#,
    r#"(?i)\b(?:x-[a-z0-9-]*(?:token|key|secret|auth|signature)|api-?key|dd-api-key|dd-application-key|private-token|job-token|circle-token)\\?["']?\s{0,2}:\s{0,2}\\?["']?([^\s"',\\]{4,})"#,
    r#"(?i)\b(?:set-)?cookie\\?["']?\s{0,2}:\s{0,2}\\?["']?([^\r\n"'\\]+)"#,
    r#"(?i)\b(?:JSESSIONID|PHPSESSID|ASP\.NET_SessionId|connect\.sid|sessionid|session_id|_gitlab_session|laravel_session|csrftoken|XSRF-TOKEN|sid)["']?\s{0,2}[=:]\s{0,2}["']?((?:[^0\s;,"'&]|0[^x\s;,"'&])[^\s;,"'&]{6,})"#,
    // --- names with values
    r#"(?i)(?:^|[;,?&\s"'(])(?:password|passwd|pwd|passphrase)\s{0,3}=\s{0,3}(\{[^}\n]*\}|"[^"\n]*"|'[^'\n]*'|[^\s;,&"')]+)"#,
    r"(?i)\b(?:password|passwd|passphrase)\s+(?:is|was|for\s+\S+\s+is|set\s+to)\s+(\S+)",
    r"(?i)\bidentified\s+(?:with\s+\S+\s+)?by\s+(?:password\s+)?('[^'\n]*'|\S+)",
    r"(?i)<(?:[a-z0-9_]+:)?(?:password|passwd|pwd|secret|api-?key|(?:access|auth|session)-?token|secretaccesskey|sessiontoken)(?:\s[^>]*)?>([^<]+)<",
];
