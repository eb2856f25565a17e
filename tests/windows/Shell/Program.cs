// PowerShell for Windows: the feed has its engine and its console, but no program of theirs for Windows.
return Microsoft.PowerShell.UnmanagedPSEntry.Start(args, args.Length);
