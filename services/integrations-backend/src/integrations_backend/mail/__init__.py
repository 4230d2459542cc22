"""The connected mailbox: looked at by its owner, and searched for suppliers' papers."""
