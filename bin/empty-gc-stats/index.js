module.exports = () => ({ on() {} });
