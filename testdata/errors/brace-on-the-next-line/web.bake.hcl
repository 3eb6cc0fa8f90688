image "web"
{
  scratch {}
}
