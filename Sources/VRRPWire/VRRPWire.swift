// VRRPWire
