// Vipctl
