'use strict';

// The buckets that `dataBuckets` names (s3://lake/exports, s3://archive), as the train function's role has them.

const NAMED = /^s3:\/\/([a-z0-9][a-z0-9.-]+)((?:\/[^/]+)*)\/?$/;

function arn(uri) {
  const [, bucket, folder] = NAMED.exec(uri) || [];
  if (!bucket) {
    // A thrown error would reach the user as the framework's stack; this is the one line that helps.
    console.error(`dataBuckets: expected s3://bucket or s3://bucket/folder, separated by commas, got "${uri}"`);
    process.exit(1);
  }
  return { 'Fn::Sub': `arn:\${AWS::Partition}:s3:::${bucket}${folder}/*` };
}

module.exports = async ({ resolveVariable }) => {
  const named = String((await resolveVariable("param:dataBuckets, ''")) || '');
  const uris = named.split(',').map((each) => each.trim()).filter(Boolean);
  // CloudFormation wants a policy to speak of something, also where the condition leaves it out.
  return { any: uris.length ? 'yes' : 'no', arns: uris.length ? uris.map(arn) : [{ 'Fn::Sub': '${Models.Arn}/none' }] };
};
