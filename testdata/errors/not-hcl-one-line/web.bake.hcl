image "web" { scratch {} volume "x" {} }
