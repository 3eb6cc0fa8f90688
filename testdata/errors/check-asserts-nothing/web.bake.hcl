check "region" {
}
