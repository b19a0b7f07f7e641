//! Operations of the AWS CLI whose names do not say what they do.
//!
//! Read from the CLI's own models and their documentation, version 1.46.2, and from version 2.36.7;
//! `tests/operations.rs` holds them against the CLI's list and against AWS's access levels.

/// They change something, or take something away from others.
pub(super) const WRITES: &[(&str, &[&str])] = &[
    ("cognito-identity", &["get-id"]),
    ("cognito-idp", &["get-user-attribute-verification-code"]),
    ("controltower", &["list-landing-zones"]),
    ("frauddetector", &["get-event-prediction"]),
    ("gamelift", &["get-game-session-log"]),
    ("gameliftstreams", &["list-stream-urls"]),
    ("iam", &["get-delegation-request"]),
    (
        "payment-cryptography",
        &[
            "get-certificate-signing-request",
            "get-parameters-for-export",
            "get-parameters-for-import",
        ],
    ),
    ("sagemaker", &["get-scaling-configuration-recommendation"]),
    ("socialmessaging", &["get-whatsapp-message-media"]),
    ("stepfunctions", &["get-activity-task"]),
    ("taxsettings", &["get-tax-registration-document"]),
    ("xray", &["get-sampling-targets"]),
];

/// They hand out a secret, a session, or a link that lets its bearer in.
pub(super) const SECRETS: &[(&str, &[&str])] = &[
    (
        "amplify",
        &[
            "get-app",
            "get-branch",
            "get-job",
            "get-webhook",
            "list-apps",
            "list-branches",
            "list-webhooks",
        ],
    ),
    ("amplifybackend", &["get-backend-auth"]),
    ("amplifyuibuilder", &["get-codegen-job"]),
    ("apigateway", &["get-usage-plan-key", "get-usage-plan-keys"]),
    ("appstream", &["describe-directory-configs"]),
    ("appsync", &["list-api-keys"]),
    ("artifact", &["get-report", "get-term-for-report"]),
    ("athena", &["get-resource-dashboard"]),
    ("bedrock-agent-runtime", &["get-document-content"]),
    ("bedrock-agentcore-control", &["get-dataset"]),
    ("chime", &["get-bot", "get-user", "list-bots", "list-users"]),
    (
        "chime-sdk-identity",
        &["describe-app-instance-user-endpoint"],
    ),
    ("chime-sdk-meetings", &["get-attendee", "list-attendees"]),
    ("cloudhsm", &["get-config"]),
    ("cloudhsmv2", &["describe-clusters"]),
    (
        "codepipeline",
        &[
            "get-job-details",
            "get-third-party-job-details",
            "list-webhooks",
        ],
    ),
    (
        "cognito-idp",
        &[
            "describe-identity-provider",
            "describe-user-import-job",
            "describe-user-pool-client",
            "get-identity-provider-by-identifier",
            "list-user-import-jobs",
        ],
    ),
    ("connect", &["get-attached-file", "get-prompt-file"]),
    ("connecthealth", &["get-patient-insights-job"]),
    ("connectparticipant", &["get-attachment"]),
    ("customer-profiles", &["get-upload-job-path"]),
    (
        "dataexchange",
        &["get-asset", "get-job", "list-jobs", "list-revision-assets"],
    ),
    (
        "datasync",
        &[
            "describe-location-fsx-ontap",
            "describe-location-fsx-open-zfs",
        ],
    ),
    ("datazone", &["get-connection", "list-connections"]),
    (
        "devicefarm",
        &[
            "get-remote-access-session",
            "get-upload",
            "list-artifacts",
            "list-remote-access-sessions",
            "list-samples",
            "list-test-grid-session-artifacts",
            "list-uploads",
        ],
    ),
    (
        "directconnect",
        &[
            "describe-router-configuration",
            "describe-virtual-interfaces",
        ],
    ),
    (
        "discovery",
        &["describe-export-configurations", "describe-export-tasks"],
    ),
    (
        "dms",
        &[
            "describe-endpoints",
            "describe-replication-task-assessment-results",
        ],
    ),
    ("ds", &["describe-directories"]),
    (
        "ec2",
        &[
            "describe-bundle-tasks",
            "describe-conversion-tasks",
            "describe-import-image-tasks",
            "describe-import-snapshot-tasks",
            "describe-verified-access-trust-providers",
            "describe-vpn-connections",
            "get-vpn-connection-device-sample-configuration",
        ],
    ),
    (
        "elbv2",
        &[
            "get-trust-store-ca-certificates-bundle",
            "get-trust-store-revocation-content",
        ],
    ),
    (
        "emr-serverless",
        &["get-dashboard-for-job-run", "get-resource-dashboard"],
    ),
    ("evs", &["get-environment"]),
    ("finspace", &["get-kx-connection-string"]),
    ("firehose", &["describe-delivery-stream"]),
    (
        "gamelift",
        &[
            "describe-fleet-events",
            "get-compute-access",
            "get-instance-access",
            "get-player-connection-details",
        ],
    ),
    ("gameliftstreams", &["get-stream-session"]),
    (
        "glue",
        &[
            "batch-get-jobs",
            "get-connection",
            "get-connections",
            "get-job",
            "get-jobs",
        ],
    ),
    ("grafana", &["describe-workspace", "list-workspaces"]),
    ("greengrassv2", &["get-component-version-artifact"]),
    ("iam", &["list-virtual-mfa-devices"]),
    ("imagebuilder", &["get-marketplace-resource"]),
    ("importexport", &["get-shipping-label"]),
    (
        "inspector2",
        &["get-cis-scan-report", "get-code-security-integration"],
    ),
    ("interconnect", &["get-connection"]),
    (
        "invoicing",
        &["get-invoice-pdf", "get-procurement-portal-preference"],
    ),
    ("iot", &["get-registration-code"]),
    (
        "iot-managed-integrations",
        &[
            "get-account-association",
            "get-managed-thing",
            "get-provisioning-profile",
            "list-discovered-devices",
        ],
    ),
    ("iotdeviceadvisor", &["get-suite-run-report"]),
    ("iotsitewise", &["describe-portal"]),
    ("iotwireless", &["get-wireless-device"]),
    (
        "ivs",
        &["batch-get-channel", "get-channel", "get-stream-session"],
    ),
    ("ivs-realtime", &["get-ingest-configuration"]),
    ("kinesis-video-signaling", &["get-ice-server-config"]),
    ("kms", &["get-parameters-for-import"]),
    ("lakeformation", &["get-work-units"]),
    (
        "lambda",
        &[
            "get-function",
            "get-layer-version",
            "get-layer-version-by-arn",
        ],
    ),
    (
        "lex-models",
        &[
            "get-bot-channel-association",
            "get-bot-channel-associations",
            "get-export",
        ],
    ),
    (
        "lexv2-models",
        &[
            "describe-bot-recommendation",
            "describe-bot-resource-generation",
            "describe-export",
            "describe-test-set-discrepancy-report",
        ],
    ),
    ("location", &["describe-key"]),
    (
        "mailmanager",
        &[
            "get-address-list-import-job",
            "get-archive-message",
            "list-address-list-import-jobs",
        ],
    ),
    ("managedblockchain", &["get-accessor"]),
    ("marketplace-agreement", &["get-agreement-entitlements"]),
    ("marketplace-reporting", &["get-buyer-dashboard"]),
    (
        "mediaconvert",
        &[
            "get-job",
            "get-job-template",
            "get-jobs-query-results",
            "list-job-templates",
            "list-jobs",
            "search-jobs",
        ],
    ),
    ("medialive", &["describe-channel"]),
    ("mediapackage", &["describe-channel", "list-channels"]),
    ("odb", &["get-oci-onboarding-status"]),
    ("partnercentral-account", &["get-verification"]),
    ("pinpoint", &["get-baidu-channel", "get-gcm-channel"]),
    ("qbusiness", &["get-document-content"]),
    (
        "qconnect",
        &["get-content", "get-import-job", "get-message-template"],
    ),
    (
        "quicksight",
        &[
            "describe-asset-bundle-export-job",
            "describe-asset-bundle-import-job",
            "describe-dashboard-snapshot-job-result",
            "get-identity-context",
        ],
    ),
    ("s3control", &["get-data-access"]),
    ("securityagent", &["batch-get-findings"]),
    ("sesv2", &["get-export-job", "get-import-job"]),
    (
        "snowball",
        &[
            "describe-job",
            "describe-return-shipping-label",
            "get-job-manifest",
            "get-job-unlock-code",
            "get-software-updates",
        ],
    ),
    (
        "socialmessaging",
        &[
            "get-whatsapp-flow",
            "get-whatsapp-flow-preview",
            "list-whatsapp-flow-assets",
        ],
    ),
    ("ssm", &["get-deployable-patch-snapshot-for-instance"]),
    ("storagegateway", &["describe-chap-credentials"]),
    (
        "transcribe",
        &[
            "get-call-analytics-job",
            "get-medical-transcription-job",
            "get-medical-vocabulary",
            "get-transcription-job",
            "get-vocabulary",
            "get-vocabulary-filter",
        ],
    ),
    ("translate", &["get-parallel-data", "get-terminology"]),
    ("wafv2", &["list-api-keys"]),
    ("wickr", &["get-oidc-info", "get-opentdf-config"]),
    ("wisdom", &["get-content", "get-import-job"]),
    (
        "workdocs",
        &[
            "describe-document-versions",
            "describe-folder-contents",
            "get-document",
            "get-document-version",
            "get-resources",
            "search-resources",
        ],
    ),
    (
        "workspaces-thin-client",
        &["get-environment", "list-environments"],
    ),
];

/// They write a file, or answer no JSON.
pub(super) const FILES: &[(&str, &[&str])] = &[
    (
        "agent-toolkit",
        &["get-skill-file", "list-installed-skills"],
    ),
    ("apigateway", &["get-export", "get-sdk"]),
    (
        "appconfig",
        &["get-configuration", "get-hosted-configuration-version"],
    ),
    ("appconfigdata", &["get-latest-configuration"]),
    ("appsync", &["get-introspection-schema"]),
    ("cloudfront", &["get-connection-function", "get-function"]),
    ("codeartifact", &["get-package-version-asset"]),
    ("codeguruprofiler", &["get-profile"]),
    ("configservice", &["get-status"]),
    ("configure", &["list-profiles"]),
    ("datapipeline", &["list-runs"]),
    ("datazone", &["get-lineage-event"]),
    ("ebs", &["get-snapshot-block"]),
    ("emr", &["describe-cluster"]),
    (
        "geo-maps",
        &[
            "get-glyphs",
            "get-sprites",
            "get-static-map",
            "get-style-descriptor",
            "get-tile",
        ],
    ),
    ("glacier", &["get-job-output"]),
    ("iot-data", &["get-thing-shadow"]),
    (
        "iotwireless",
        &["get-position-estimate", "get-resource-position"],
    ),
    (
        "kinesis-video-archived-media",
        &["get-clip", "get-media-for-fragment-list"],
    ),
    ("kinesis-video-media", &["get-media"]),
    ("lakeformation", &["get-work-unit-results"]),
    (
        "location",
        &[
            "get-map-glyphs",
            "get-map-sprites",
            "get-map-style-descriptor",
            "get-map-tile",
        ],
    ),
    ("medialive", &["describe-input-device-thumbnail"]),
    ("mediastore-data", &["get-object"]),
    (
        "medical-imaging",
        &["get-image-frame", "get-image-set-metadata"],
    ),
    ("omics", &["get-read-set", "get-reference"]),
    (
        "s3api",
        &["get-object", "get-object-annotation", "get-object-torrent"],
    ),
    ("sagemaker-geospatial", &["get-tile"]),
    ("schemas", &["get-code-binding-source"]),
    (
        "tnb",
        &[
            "get-sol-function-package-content",
            "get-sol-function-package-descriptor",
            "get-sol-network-package-content",
            "get-sol-network-package-descriptor",
        ],
    ),
    ("workmailmessageflow", &["get-raw-message-content"]),
];

/// They only read, although their name does not say so.
pub(super) const ALSO: &[(&str, &[&str])] = &[
    (
        "accessanalyzer",
        &[
            "check-access-not-granted",
            "check-no-new-access",
            "check-no-public-access",
            "validate-policy",
        ],
    ),
    ("backup", &["export-backup-plan-template"]),
    ("chime-sdk-messaging", &["get-messaging-session-endpoint"]),
    ("cloudformation", &["validate-template"]),
    ("cloudfront", &["verify-dns-configuration"]),
    ("codecatalyst", &["get-source-repository-clone-urls"]),
    (
        "codecommit",
        &[
            "batch-describe-merge-conflicts",
            "evaluate-pull-request-approval-rules",
        ],
    ),
    (
        "cognito-idp",
        &[
            "admin-get-device",
            "admin-get-user",
            "admin-list-devices",
            "admin-list-groups-for-user",
            "admin-list-user-auth-events",
        ],
    ),
    (
        "configservice",
        &["select-aggregate-resource-config", "select-resource-config"],
    ),
    (
        "datapipeline",
        &["query-objects", "validate-pipeline-definition"],
    ),
    ("datazone", &["search"]),
    ("dynamodb", &["query", "scan", "transact-get-items"]),
    ("ecr", &["batch-check-layer-availability"]),
    ("ecr-public", &["batch-check-layer-availability"]),
    (
        "elasticbeanstalk",
        &["check-dns-availability", "validate-configuration-settings"],
    ),
    ("events", &["test-event-pattern"]),
    (
        "gamelift",
        &["resolve-alias", "validate-matchmaking-rule-set"],
    ),
    (
        "glue",
        &[
            "check-schema-version-validity",
            "query-schema-version-metadata",
        ],
    ),
    (
        "iam",
        &[
            "get-account-password-policy",
            "get-credential-report",
            "get-login-profile",
            "simulate-custom-policy",
            "simulate-principal-policy",
        ],
    ),
    ("identitystore", &["is-member-in-groups"]),
    (
        "iot",
        &["test-authorization", "validate-security-profile-behaviors"],
    ),
    ("lambda", &["get-function-url-config"]),
    ("lightsail", &["is-vpc-peered"]),
    ("logs", &["test-metric-filter", "test-transformer"]),
    ("osis", &["validate-pipeline"]),
    ("rds", &["download-db-log-file-portion"]),
    ("resource-explorer-2", &["search"]),
    ("route53", &["test-dns-answer"]),
    (
        "route53domains",
        &[
            "check-domain-availability",
            "check-domain-transferability",
            "view-billing",
        ],
    ),
    ("s3api", &["head-bucket", "head-object"]),
    (
        "sagemaker",
        &["batch-describe-model-package", "query-lineage", "search"],
    ),
    ("sdb", &["domain-metadata", "select"]),
    ("secretsmanager", &["validate-resource-policy"]),
    ("servicecatalog", &["scan-provisioned-products"]),
    (
        "servicediscovery",
        &["discover-instances", "discover-instances-revision"],
    ),
    ("sns", &["check-if-phone-number-is-opted-out"]),
    ("sqs", &["get-queue-url"]),
    ("stepfunctions", &["validate-state-machine-definition"]),
    ("sts", &["decode-authorization-message"]),
    (
        "swf",
        &[
            "count-closed-workflow-executions",
            "count-open-workflow-executions",
            "count-pending-activity-tasks",
            "count-pending-decision-tasks",
        ],
    ),
    (
        "verifiedpermissions",
        &["batch-is-authorized", "is-authorized"],
    ),
    ("wafv2", &["check-capacity"]),
];
