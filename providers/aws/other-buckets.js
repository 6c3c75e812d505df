'use strict';

// The buckets that `dataBuckets` and `outputBuckets` name (s3://lake/exports, s3://archive), as statements of what
// the train function's role may do with them.

const NAMED = /^s3:\/\/([a-z0-9][a-z0-9.-]+)((?:\/[^/]+)*)\/?$/;
const arn = (of) => ({ 'Fn::Sub': `arn:\${AWS::Partition}:s3:::${of}` });
const allow = (Action, Resource) => ({ Effect: 'Allow', Action, Resource });

function place(parameter, uri) {
  const [, bucket, folder] = NAMED.exec(uri) || [];
  if (!bucket) {
    // A thrown error would reach the user as the framework's stack; this is the one line that helps.
    console.error(`${parameter}: expected s3://bucket or s3://bucket/folder, separated by commas, got "${uri}"`);
    process.exit(1);
  }
  return { bucket, folder };
}

const objects = (places) => places.map(({ bucket, folder }) => arn(`${bucket}${folder}/*`));

// Whoever names a folder has its files listed; a bucket's other names are not told.
function listing(bucket, places) {
  const folders = places.filter((each) => each.bucket === bucket).map((each) => each.folder);
  const prefixes = folders.map((folder) => `${folder.slice(1)}/*`);
  const statement = allow('s3:ListBucket', arn(bucket));
  return folders.includes('') ? statement : { ...statement, Condition: { StringLike: { 's3:prefix': prefixes } } };
}

function reading(places) {
  const buckets = [...new Set(places.map((each) => each.bucket))];
  return [allow('s3:GetObject', objects(places)), ...buckets.map((bucket) => listing(bucket, places))];
}

// What is there is read to tell how large it is, where an attempt at a job repeats an earlier one.
const writing = (places) => [allow(['s3:PutObject', 's3:GetObject'], objects(places))];

module.exports = async ({ resolveVariable }) => {
  const rights = async (parameter, statements) => {
    const named = String((await resolveVariable(`param:${parameter}, ''`)) || '');
    const places = named.split(',').map((each) => each.trim()).filter(Boolean).map((each) => place(parameter, each));
    // CloudFormation wants a policy to speak of something, also where the condition leaves it out.
    const nothing = [allow('s3:GetObject', [{ 'Fn::Sub': '${Models.Arn}/none' }])];
    return places.length ? { any: 'yes', statements: statements(places) } : { any: 'no', statements: nothing };
  };
  return { data: await rights('dataBuckets', reading), outputs: await rights('outputBuckets', writing) };
};
