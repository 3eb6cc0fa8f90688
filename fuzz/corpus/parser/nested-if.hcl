a = <<-EOT
  x
    %{ if true }
    yes %{ if false }no%{ else }other%{ endif }
    %{ endif }
  y
  EOT
