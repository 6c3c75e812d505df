'use strict';

// The dashboard of CloudWatch: what is asked, how long answers take, what fails, and what waits.
//
// It shows numbers that AWS counts anyway. Lines of logs are on none of its pictures, and so no name of a model.

const MINUTE = 60;
const [WIDTH, HEIGHT, ACROSS] = [8, 6, 3]; // of a picture, in a grid of 24; and how many stand side by side

function picture(title, metrics, stat, more = {}) {
  return { title, metrics, stat, period: MINUTE, view: 'timeSeries', region: '${AWS::Region}', ...more };
}

// What `Fn::Sub` makes of ${…} are the names that the stack's resources have.
function pictures(functions) {
  const api = (name, more) => ['AWS/ApiGateway', name, 'ApiId', '${HttpApi}', more];
  const queue = (id, name, more) => ['AWS/SQS', name, 'QueueName', `\${${id}.QueueName}`, more];
  const each = (name, more = {}) =>
    Object.entries(functions).map(([label, id]) => ['AWS/Lambda', name, 'FunctionName', `\${${id}}`, { label, ...more }]);
  const percentiles = (line) => ['p50', 'p99'].map((stat) => line({ stat, label: stat }));
  return [
    picture('requests, and what was answered with 4xx and 5xx', [api('Count', { label: 'requests' }), api('4xx', {}), api('5xx', {})], 'Sum'),
    picture('latency of the API, in milliseconds', percentiles((more) => api('Latency', more)), 'p99'),
    picture('calls of functions', each('Invocations'), 'Sum'),
    picture('errors of functions', each('Errors'), 'Sum'),
    picture('calls that were refused', each('Throttles'), 'Sum'),
    picture('how many run at once', each('ConcurrentExecutions'), 'Maximum'),
    picture('duration of functions, in milliseconds: p99', each('Duration'), 'p99'),
    picture('jobs that wait, and dead letters', [
      queue('TrainQueue', 'ApproximateNumberOfMessagesVisible', { label: 'waiting' }),
      queue('TrainQueue', 'ApproximateNumberOfMessagesNotVisible', { label: 'under way' }),
      queue('TrainDeadLetters', 'ApproximateNumberOfMessagesVisible', { label: 'dead letters' }),
    ], 'Maximum'),
    picture('age of the oldest job, in seconds', [queue('TrainQueue', 'ApproximateAgeOfOldestMessage', { label: 'oldest' })], 'Maximum'),
  ];
}

// The resources, by their logical ids.
//
// base: what their names begin with. functions: name → logical id.
module.exports = ({ base, functions }) => {
  const widgets = pictures(functions).map((properties, at) => ({
    type: 'metric',
    x: (at % ACROSS) * WIDTH,
    y: Math.floor(at / ACROSS) * HEIGHT,
    width: WIDTH,
    height: HEIGHT,
    properties,
  }));
  return {
    Dashboard: {
      Type: 'AWS::CloudWatch::Dashboard',
      Properties: { DashboardName: base, DashboardBody: { 'Fn::Sub': JSON.stringify({ widgets }) } },
    },
  };
};
