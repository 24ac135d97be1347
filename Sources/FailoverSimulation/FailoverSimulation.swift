// FailoverSimulation
