'use strict';

// The function that runs imported ONNX models, where the parameter `onnx` asks for it: a package of its own, a role that
// may write its log and nothing else, and a network without a way out but to this deployment's artifacts in S3.
//
// A model is a program that somebody else wrote. Whatever it could make of its runtime finds no right and no way there.

const FUNCTION = 'OnnxLambdaFunction';
const SECONDS = 28; // `api` has 29, and waits 27.5
const ARTIFACT = '.serverless/onnx.zip'; // plugin.js puts it there
const CALLERS = ['ApiRole', 'TrainRole'];
// As the managed policy AWSLambdaVPCAccessExecutionRole has them; they know no resource.
const INTERFACES = [
  ...['ec2:CreateNetworkInterface', 'ec2:DescribeNetworkInterfaces', 'ec2:DescribeSubnets'],
  ...['ec2:DeleteNetworkInterface', 'ec2:AssignPrivateIpAddresses', 'ec2:UnassignPrivateIpAddresses'],
];
const [NETWORK, SUBNETS] = ['10.0.0.0/24', ['10.0.0.0/25', '10.0.0.128/25']]; // reached from nowhere, and reaches nothing

const ref = (Ref) => ({ Ref });
const arn = (resource) => ({ 'Fn::GetAtt': [resource, 'Arn'] });
const statements = (...Statement) => ({ Version: '2012-10-17', Statement });
const nameOf = (service) => `${service.service}-${service.provider.stage}-onnx`;

// Changes the service as config.yml could have said it.
function configure(service, { onnxMemory, onnxConcurrency, subnets }) {
  const { functions } = service;
  functions.onnx = {
    name: nameOf(service),
    description: 'runs imported ONNX models',
    handler: 'handlers.onnx.aws.run',
    role: 'OnnxRole',
    memorySize: onnxMemory,
    timeout: SECONDS,
    ...(onnxConcurrency === null ? {} : { reservedConcurrency: onnxConcurrency }),
    package: { artifact: ARTIFACT },
    environment: {
      // What each signed address of an artifact begins with (runtime/store.py says how).
      ML_ARTIFACTS: { 'Fn::Sub': 'https://s3.${AWS::Region}.amazonaws.com/${Models}/artifacts/' },
    },
    events: [],
  };
  if (!subnets.length) functions.onnx.vpc = { subnetIds: SUBNETS.map((_, at) => ref(`OnnxSubnet${at + 1}`)), securityGroupIds: [ref('OnnxSecurityGroup')] };
  for (const name of ['api', 'train']) functions[name].environment.ML_ONNX = functions.onnx.name;
  // Here, and not in the compiled template: `deploy function` looks for a function's role where the service says it.
  const { Resources } = service.resources;
  Resources.OnnxRole = role(Resources.ApiRole.Properties, functions.onnx.name);
}

// Two private subnets with one way: to the artifacts, by addresses that the service signed. Nothing of it is paid for.
function network() {
  const inNetwork = { VpcId: ref('OnnxVpc') };
  const resources = {
    // A gateway endpoint asks for both where names are resolved by Amazon's servers.
    OnnxVpc: { Type: 'AWS::EC2::VPC', Properties: { CidrBlock: NETWORK, EnableDnsSupport: true, EnableDnsHostnames: true } },
    OnnxRoutes: { Type: 'AWS::EC2::RouteTable', Properties: { ...inNetwork } },
    OnnxSecurityGroup: {
      Type: 'AWS::EC2::SecurityGroup',
      Properties: {
        ...inNetwork,
        GroupDescription: 'Runs ONNX models: HTTPS out, nothing in',
        // There is a route to S3 alone, whose addresses have no name here that is the same in every region.
        SecurityGroupEgress: [{ IpProtocol: 'tcp', FromPort: 443, ToPort: 443, CidrIp: '0.0.0.0/0' }],
      },
    },
    OnnxArtifacts: {
      Type: 'AWS::EC2::VPCEndpoint',
      Properties: {
        ...inNetwork,
        VpcEndpointType: 'Gateway',
        ServiceName: { 'Fn::Sub': 'com.amazonaws.${AWS::Region}.s3' },
        RouteTableIds: [ref('OnnxRoutes')],
        PolicyDocument: statements({
          Effect: 'Allow',
          Principal: '*',
          Action: 's3:GetObject',
          Resource: { 'Fn::Sub': '${Models.Arn}/artifacts/*' },
          Condition: { ArnEquals: { 'aws:PrincipalArn': CALLERS.map(arn) } }, // who signed the address
        }),
      },
    },
  };
  SUBNETS.forEach((CidrBlock, at) => {
    const subnet = `OnnxSubnet${at + 1}`;
    resources[subnet] = {
      Type: 'AWS::EC2::Subnet',
      Properties: { ...inNetwork, CidrBlock, AvailabilityZone: { 'Fn::Select': [at, { 'Fn::GetAZs': '' }] } },
    };
    resources[`${subnet}Routes`] = {
      Type: 'AWS::EC2::SubnetRouteTableAssociation',
      Properties: { SubnetId: ref(subnet), RouteTableId: ref('OnnxRoutes') },
    };
  });
  return resources;
}

function role(api, name) {
  const mine = { 'Fn::Sub': `arn:\${AWS::Partition}:lambda:\${AWS::Region}:\${AWS::AccountId}:function:${name}` };
  return {
    Type: 'AWS::IAM::Role',
    Properties: {
      RoleName: api.RoleName.replace(/-api$/, '-onnx'),
      AssumeRolePolicyDocument: api.AssumeRolePolicyDocument,
      Policies: [
        {
          PolicyName: 'onnx',
          PolicyDocument: statements(
            { Effect: 'Allow', Action: ['logs:CreateLogStream', 'logs:PutLogEvents'], Resource: arn('OnnxLogGroup') },
            { Effect: 'Allow', Action: INTERFACES, Resource: '*' },
            // Lambda itself makes the interfaces; the code that runs in the function may not.
            // https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
            {
              Effect: 'Deny',
              Action: [...INTERFACES, 'ec2:DetachNetworkInterface'],
              Resource: '*',
              Condition: { ArnEquals: { 'lambda:SourceFunctionArn': mine } },
            }
          ),
        },
      ],
    },
  };
}

// Changes the compiled template. After what gives the roles of the others more: this one gets nothing of that.
function extend({ Resources }, { subnets }) {
  if (!subnets.length) Object.assign(Resources, network());
  for (const caller of CALLERS) {
    Resources[caller].Properties.Policies.push({
      PolicyName: 'onnx',
      PolicyDocument: statements({ Effect: 'Allow', Action: 'lambda:InvokeFunction', Resource: arn(FUNCTION) }),
    });
  }
}

module.exports = { ARTIFACT, configure, extend };
