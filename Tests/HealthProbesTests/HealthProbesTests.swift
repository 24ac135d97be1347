// HealthProbes
