// VIPDaemon
