// ClusterConfiguration
