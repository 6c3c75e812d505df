'use strict';

// What the options of options.js change: in the service before the framework compiles it, and in the template
// that it compiled. With every option off both stay as config.yml says, but for tags.

const alarms = require('./alarms.js');
const dashboard = require('./dashboard.js');
const lithops = require('./lithops.js');
const onnx = require('./onnx.js');
const traces = require('./traces.js');

const ROLES = { api: 'ApiRole', train: 'TrainRole', sweep: 'SweepRole' };
// What takes a list of tags. The framework itself tags functions, API and stage.
const TAGGED = [
  ...['AWS::IAM::Role', 'AWS::SQS::Queue', 'AWS::Logs::LogGroup', 'AWS::S3::Bucket', 'AWS::SNS::Topic'],
  'AWS::CloudWatch::Alarm',
  ...['AWS::EC2::VPC', 'AWS::EC2::Subnet', 'AWS::EC2::RouteTable', 'AWS::EC2::SecurityGroup'],
];
// As the managed policy AWSLambdaVPCAccessExecutionRole has them; they know no resource.
const NETWORK = [
  ...['ec2:CreateNetworkInterface', 'ec2:DescribeNetworkInterfaces', 'ec2:DescribeSubnets'],
  ...['ec2:DeleteNetworkInterface', 'ec2:AssignPrivateIpAddresses', 'ec2:UnassignPrivateIpAddresses'],
];

// A line for each request. No query, no header, no body: a key or a row of a person could stand in them.
function accessLog(options) {
  const line = {
    time: '$context.requestTime',
    requestId: '$context.requestId',
    sourceIp: '$context.identity.sourceIp',
    method: '$context.httpMethod',
    path: '$context.path',
    status: '$context.status',
    bytes: '$context.responseLength',
    milliseconds: '$context.responseLatency',
    error: '$context.error.message',
  };
  return JSON.stringify(options.private ? { ...line, caller: '$context.identity.userArn' } : line);
}

const RUNTIME_CLIENT = '/var/task/handlers/clouds/aws_runtime.sh';

// Changes the service as serverless.yml could have said it.
function configure(service, options, { pages }) {
  const { provider, functions } = service;
  if (options.engines.includes('lithops')) lithops.configure(service, options);
  if (options.tracesTo) traces.configure(service, options);
  if (options.onnx) onnx.configure(service, options);
  if (Object.keys(options.tags).length) {
    provider.tags = { ...provider.tags, ...options.tags };
    // For what the template gives no tags; the framework adds STAGE.
    provider.stackTags = { ...options.tags };
  }
  if (options.accessLogs) provider.logs = { ...provider.logs, httpApi: { format: accessLog(options) } };
  if (options.warmInstances) functions.api.provisionedConcurrency = options.warmInstances;
  if (options.ownRuntimeClient) {
    for (const name of ['api', 'train', 'sweep']) functions[name].environment.AWS_LAMBDA_EXEC_WRAPPER = RUNTIME_CLIENT;
  }
  if (options.subnets.length) {
    const vpc = { subnetIds: options.subnets, securityGroupIds: options.securityGroups };
    for (const each of Object.values(functions)) each.vpc = vpc;
  }
  if (options.private) {
    functions.api.events = [{ httpApi: { path: '*', authorizer: { type: 'aws_iam' } } }];
    // A browser signs no preflight; the function answers it, and the request itself is signed.
    if (pages) functions.api.events.push({ httpApi: { method: 'OPTIONS', path: '/{proxy+}' } });
  }
}

function allow(resources, role, PolicyName, ...Statement) {
  resources[role].Properties.Policies.push({ PolicyName, PolicyDocument: { Version: '2012-10-17', Statement } });
}

function tag(resources, { stage, ...others }) {
  for (const resource of Object.values(resources)) {
    if (!TAGGED.includes(resource.Type)) continue;
    // CloudFormation hands the framework's own tag of the stack, STAGE, on to each resource, and to IAM the two are one.
    const tags = resource.Type === 'AWS::IAM::Role' ? others : { ...others, stage };
    const properties = (resource.Properties ||= {});
    const own = (properties.Tags || []).filter(({ Key }) => !(Key in tags));
    properties.Tags = [...own, ...Object.entries(tags).map(([Key, Value]) => ({ Key, Value }))];
  }
}

function encrypt({ Resources, Outputs }, key) {
  Resources.Models.Properties.BucketEncryption.ServerSideEncryptionConfiguration = [
    // With a key of the bucket's own, S3 asks KMS once for many objects.
    { BucketKeyEnabled: true, ServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: key } },
  ];
  for (const { Type, Properties } of Object.values(Resources)) {
    if (Type === 'AWS::SQS::Queue') {
      delete Properties.SqsManagedSseEnabled;
      Properties.KmsMasterKeyId = key;
    }
    if (Type === 'AWS::Logs::LogGroup') Properties.KmsKeyId = key;
  }
  for (const role of Object.values(ROLES)) {
    // Who writes to an encrypted bucket or queue needs both.
    allow(Resources, role, 'encryption', { Effect: 'Allow', Action: ['kms:Decrypt', 'kms:GenerateDataKey'], Resource: key });
  }
  Outputs.EncryptionKey = { Description: 'encrypts what is stored; `python -m providers keys` asks for it', Value: key };
}

// Changes the compiled template.
//
// base: what names begin with (service and stage). tags: of everything.
function extend(template, options, { base, tags }) {
  const { Resources } = template;
  const functions = { api: 'ApiLambdaFunction', train: 'TrainLambdaFunction', sweep: 'SweepLambdaFunction' };
  if (options.onnx) functions.onnx = 'OnnxLambdaFunction';
  if (options.alarms) Object.assign(Resources, alarms({ base, functions, api: 'HttpApi', email: options.alarmEmail }));
  if (options.dashboard) Object.assign(Resources, dashboard({ base, functions }));
  if (options.encryptionKey) encrypt(template, options.encryptionKey);
  if (options.subnets.length) {
    for (const role of Object.values(ROLES)) {
      allow(Resources, role, 'network', { Effect: 'Allow', Action: NETWORK, Resource: '*' });
    }
  }
  if (options.dataKeys.length) {
    // The sweep looks whether the data of a schedule have changed.
    for (const role of [ROLES.train, ROLES.sweep]) {
      allow(Resources, role, 'data-keys', {
        Effect: 'Allow',
        Action: 'kms:Decrypt',
        Resource: options.dataKeys,
        Condition: { StringLike: { 'kms:ViaService': 's3.*.amazonaws.com*' } },
      });
    }
  }
  if (options.engines.includes('lithops')) lithops.extend(template);
  if (options.onnx) onnx.extend(template, options);
  tag(Resources, tags);
}

module.exports = { configure, extend };
