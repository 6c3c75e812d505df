'use strict';

// The alarms of CloudWatch, and whom they tell: what a person has to look at, and nothing that comes and goes.

const FIVE_MINUTES = 300;
const HOUR = 3600;
const [MANY_ERRORS, ANY] = [4, 0]; // an alarm rings above it

function metric(Namespace, MetricName, [Name, Value], Statistic) {
  return { Namespace, MetricName, Dimensions: [{ Name, Value }], Statistic, Period: FIVE_MINUTES };
}

// What rings, by a name of its own: what is measured, above what, and what it means.
function watched(functions, api) {
  const queue = (id, name, statistic) => metric('AWS/SQS', name, ['QueueName', { 'Fn::GetAtt': [id, 'QueueName'] }], statistic);
  const ofFunction = (id, name) => metric('AWS/Lambda', name, ['FunctionName', { Ref: id }], 'Sum');
  const watches = {
    'dead-letters': [queue('TrainDeadLetters', 'ApproximateNumberOfMessagesVisible', 'Maximum'), ANY,
      'messages that nobody could work off (docs/jobs.md)'],
    'oldest-job': [queue('TrainQueue', 'ApproximateAgeOfOldestMessage', 'Maximum'), HOUR,
      'a job has waited for an hour'],
    'failed-answers': [metric('AWS/ApiGateway', '5xx', ['ApiId', { Ref: api }], 'Sum'), MANY_ERRORS,
      'the API answers with errors of its own (5xx)'],
  };
  for (const [name, id] of Object.entries(functions)) {
    watches[`${name}-errors`] = [ofFunction(id, 'Errors'), ANY, `the function ${name} failed`];
    watches[`${name}-throttles`] = [ofFunction(id, 'Throttles'), ANY, `calls of the function ${name} were refused: too many at once`];
  }
  return watches;
}

// The resources, by their logical ids.
//
// base: what their names begin with. functions: name → logical id. email: whom to tell; empty for nobody.
module.exports = ({ base, functions, api, email }) => {
  const resources = {};
  if (email) {
    resources.AlarmTopic = { Type: 'AWS::SNS::Topic', Properties: { TopicName: `${base}-alarms` } };
    resources.AlarmEmail = {
      Type: 'AWS::SNS::Subscription',
      Properties: { TopicArn: { Ref: 'AlarmTopic' }, Protocol: 'email', Endpoint: email },
    };
  }
  for (const [name, [measured, Threshold, AlarmDescription]] of Object.entries(watched(functions, api))) {
    const id = name.split('-').map((word) => word[0].toUpperCase() + word.slice(1)).join('');
    resources[`${id}Alarm`] = {
      Type: 'AWS::CloudWatch::Alarm',
      Properties: {
        AlarmName: `${base}-${name}`,
        AlarmDescription,
        ...measured,
        EvaluationPeriods: 1,
        Threshold,
        ComparisonOperator: 'GreaterThanThreshold',
        TreatMissingData: 'notBreaching',
        ...(email ? { AlarmActions: [{ Ref: 'AlarmTopic' }] } : {}),
      },
    };
  }
  return resources;
};
