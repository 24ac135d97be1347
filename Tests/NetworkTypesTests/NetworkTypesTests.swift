// NetworkTypes
