a=1
 b  = [1,
2] # x
block "l" {
  c=<<-E
   x
  E
}
