'use strict';

// Lithops, where the parameter `engines` names it: a function for its workers with a role of its own, and a bucket
// in which it hands over functions, items and results. Whoever writes to that bucket runs code in the role of the
// workers, and in that of the trainer, which reads results from it: nobody else may (SECURITY.md).

const WORKER = 'WorkerLambdaFunction';
const SECONDS = 900; // Lambda's maximum
// What the trainer may read and write beyond the service's own bucket, the workers may too.
const SHARED = ['data', 'outputs', 'data-keys', 'encryption', 'network'];

function statement(Action, Resource) {
  return { Effect: 'Allow', Action, Resource };
}

const within = (bucket, folder) => ({ 'Fn::Sub': `\${${bucket}.Arn}/${folder}*` });
const arn = (resource) => ({ 'Fn::GetAtt': [resource, 'Arn'] });

// Changes the service as config.yml could have said it.
function configure(service, { engineMemory, engineWorkers }) {
  const { functions, layers, provider } = service;
  const base = `${service.service}-${provider.stage}`;
  layers.lithops = {
    name: `${base}-lithops`,
    description: 'what drives Lithops and what its workers import',
    compatibleRuntimes: [provider.runtime],
    compatibleArchitectures: [provider.architecture],
    package: { artifact: '.serverless/lithops.zip' }, // plugin.js puts it there
  };
  const name = `${base}-worker`;
  const { ML_BUCKET, ML_DATA_BUCKETS, ...others } = functions.train.environment;
  const places = Object.entries({ ML_BUCKET, ML_DATA_BUCKETS, ML_OUTPUT_BUCKETS: others.ML_OUTPUT_BUCKETS });
  functions.worker = {
    name,
    description: 'works on one part of a table at a time, for Lithops',
    handler: 'handlers.clouds.aws.worker',
    role: 'WorkerRole',
    memorySize: engineMemory,
    timeout: SECONDS,
    layers: [...functions.train.layers, { Ref: 'LithopsLambdaLayer' }],
    environment: {
      ...Object.fromEntries(places.filter(([, value]) => value !== undefined)),
      HOME: '/tmp', // Lithops looks for a folder there when it is imported
    },
    events: [],
  };
  functions.train.layers = functions.worker.layers;
  Object.assign(functions.train.environment, {
    ML_LITHOPS_BUCKET: { Ref: 'LithopsTasks' },
    ML_LITHOPS_FUNCTION: name,
    ML_LITHOPS_WORKERS: String(engineWorkers),
  });
}

function bucket(encryption) {
  return {
    Type: 'AWS::S3::Bucket',
    DeletionPolicy: 'RetainExceptOnCreate', // CloudFormation deletes no bucket that holds something; removal.py does
    UpdateReplacePolicy: 'Retain',
    Properties: {
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true, BlockPublicPolicy: true, IgnorePublicAcls: true, RestrictPublicBuckets: true,
      },
      OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] },
      BucketEncryption: encryption,
      LifecycleConfiguration: {
        Rules: [{
          Id: 'forget-what-a-killed-driver-left',
          Status: 'Enabled',
          ExpirationInDays: 2,
          AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 },
        }],
      },
    },
  };
}

function policy() {
  const refused = {
    Sid: 'OnlyEncryptedConnections',
    Effect: 'Deny',
    Principal: '*',
    Action: 's3:*',
    Resource: [arn('LithopsTasks'), within('LithopsTasks', '')],
    Condition: { Bool: { 'aws:SecureTransport': 'false' } },
  };
  return {
    Type: 'AWS::S3::BucketPolicy',
    DeletionPolicy: 'RetainExceptOnCreate',
    Properties: { Bucket: { Ref: 'LithopsTasks' }, PolicyDocument: { Version: '2012-10-17', Statement: [refused] } },
  };
}

function shared(policies) {
  const named = (each) => (each['Fn::If'] ? each['Fn::If'][1] : each).PolicyName;
  return policies.filter((each) => SHARED.includes(named(each)));
}

// Changes the compiled template. Last of all, for the workers to have what the trainer was given by then.
function extend({ Resources, Outputs }) {
  const train = Resources.TrainRole.Properties;
  const document = (Statement) => ({ Version: '2012-10-17', Statement });
  Object.assign(Resources, { LithopsTasks: bucket(Resources.Models.Properties.BucketEncryption), LithopsTasksPolicy: policy() });
  Resources.WorkerRole = {
    Type: 'AWS::IAM::Role',
    Properties: {
      ...train,
      RoleName: { 'Fn::Sub': train.RoleName.replace(/-train$/, '-worker') },
      Policies: [
        {
          PolicyName: 'worker',
          PolicyDocument: document([
            statement('s3:GetObject', within('Models', '')),
            statement('s3:ListBucket', arn('Models')), // without it a missing key is a 403, not a 404
            statement('s3:PutObject', within('Models', 'scores/')),
            statement(['s3:GetObject', 's3:PutObject'], within('LithopsTasks', '')),
            statement('s3:ListBucket', arn('LithopsTasks')),
            statement(['logs:CreateLogStream', 'logs:PutLogEvents'], arn('WorkerLogGroup')),
          ]),
        },
        ...shared(train.Policies),
      ],
    },
  };
  train.Policies.push({
    PolicyName: 'lithops',
    PolicyDocument: document([
      statement(['s3:GetObject', 's3:PutObject', 's3:DeleteObject'], within('LithopsTasks', '')),
      statement('s3:ListBucket', arn('LithopsTasks')),
      statement('lambda:InvokeFunction', arn(WORKER)),
    ]),
  });
  Outputs.LithopsBucket = {
    Description: 'where Lithops hands over work; whoever may write to it runs code in the roles of train and worker',
    Value: { Ref: 'LithopsTasks' },
  };
}

module.exports = { configure, extend };
