{
  "image": { "web": {} }
}
