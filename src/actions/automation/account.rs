//! The Automation documents of an account: what is there, and putting reviewed ones there.

use aws_sdk_ssm::types::{DocumentFormat, DocumentType, ResourceTypeForTagging, Tag};

use crate::aws::{Aws, AwsError, Class, Quota, describe};

/// The tag of documents that were published from here.
const TAG: &str = "standdown";

/// A document as an account has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The version that runs where none is named.
    pub version: String,
    /// Its SHA-256, in hex.
    pub hash: String,
    /// Its text.
    pub text: String,
    /// Whether it was published from here, and not by somebody else under the same name.
    pub ours: bool,
}

/// What publishing did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was not there.
    Created,
    /// It is another version now.
    Updated(String),
    /// It was there already.
    Unchanged,
    /// Somebody else's document has its name.
    Foreign,
}

/// Reads a document, if there is one.
///
/// # Errors
/// When AWS does not answer.
pub async fn published(aws: &Aws, name: &str) -> Result<Option<Published>, AwsError> {
    let (version, hash) = match super::survey::fingerprint(aws, name, None).await {
        Ok(found) => found,
        Err(error) if is_missing(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    aws.pace(Quota::Ssm).await;
    let text = aws
        .ssm
        .get_document()
        .name(name)
        .document_version(&version)
        .document_format(DocumentFormat::Yaml)
        .send()
        .await
        .map_err(|error| describe("ssm:GetDocument", &error).about(name))?;
    aws.pace(Quota::Ssm).await;
    let tags = aws
        .ssm
        .list_tags_for_resource()
        .resource_type(ResourceTypeForTagging::Document)
        .resource_id(name)
        .send()
        .await
        .map_err(|error| describe("ssm:ListTagsForResource", &error).about(name))?;
    Ok(Some(Published {
        version,
        hash,
        text: text.content.unwrap_or_default(),
        ours: tags.tag_list().iter().any(|tag| tag.key() == TAG),
    }))
}

fn is_missing(error: &AwsError) -> bool {
    error.class == Class::NotFound || error.code.as_deref() == Some("InvalidDocument")
}

/// Puts a document into the account: made, or made the default version.
///
/// # Errors
/// When AWS does not accept it.
pub async fn publish(aws: &Aws, name: &str, text: &str) -> Result<Outcome, AwsError> {
    let Some(known) = published(aws, name).await? else {
        return create(aws, name, text).await;
    };
    if same(&known, text) {
        return Ok(Outcome::Unchanged);
    }
    if !known.ours {
        return Ok(Outcome::Foreign);
    }
    let operation = "ssm:UpdateDocument";
    aws.pace(Quota::Ssm).await;
    let answer = aws
        .ssm
        .update_document()
        .name(name)
        .content(text)
        .document_format(DocumentFormat::Yaml)
        .document_version("$LATEST")
        .send()
        .await
        .map_err(|error| describe(operation, &error).about(name))?;
    let version = answer
        .document_description
        .and_then(|document| document.document_version)
        .ok_or_else(|| AwsError::garbled(operation, format!("{name} has no version")))?;
    aws.pace(Quota::Ssm).await;
    aws.ssm
        .update_document_default_version()
        .name(name)
        .document_version(&version)
        .send()
        .await
        .map_err(|error| describe("ssm:UpdateDocumentDefaultVersion", &error).about(name))?;
    Ok(Outcome::Updated(version))
}

async fn create(aws: &Aws, name: &str, text: &str) -> Result<Outcome, AwsError> {
    let operation = "ssm:CreateDocument";
    let tag = Tag::builder()
        .key(TAG)
        .value("automation")
        .build()
        .map_err(|error| AwsError::garbled(operation, error.to_string()))?;
    aws.pace(Quota::Ssm).await;
    aws.ssm
        .create_document()
        .name(name)
        .content(text)
        .document_type(DocumentType::Automation)
        .document_format(DocumentFormat::Yaml)
        .tags(tag)
        .send()
        .await
        .map_err(|error| describe(operation, &error).about(name))?;
    Ok(Outcome::Created)
}

/// Whether the account has this very text.
#[must_use]
pub fn same(known: &Published, text: &str) -> bool {
    let hash = crate::document::sha256(text);
    known.hash.eq_ignore_ascii_case(&hash) || crate::document::sha256(&known.text) == hash
}
