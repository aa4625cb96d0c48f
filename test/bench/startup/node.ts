/** Node alone: the floor. */
process.send!('ready');
setInterval(() => {}, 1000);
