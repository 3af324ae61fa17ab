# The fastest layout that was found for Terraform: each manifest one JSON string, read once into a local value (in
# for_each itself the files would be looked for again for every instance), and no provider to install.
variable "folder" {
  type = string
}

locals {
  manifests = { for name in fileset(var.folder, "**/*.yaml") : name => jsonencode(yamldecode(file("${var.folder}/${name}"))) }
}

resource "terraform_data" "conversation" {
  for_each = local.manifests
  input    = each.value
}
