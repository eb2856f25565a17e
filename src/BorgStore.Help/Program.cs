using BorgStore.Help;

// Called by the build of BorgStore.PowerShell. Mistakes in the pages are told in the form that the build and editors understand.
if (args is not [var module, var powerShell, var docs, var target])
{
    Console.Error.WriteLine("BorgStore.Help MODULE.dll System.Management.Automation.dll DOCS-FOLDER TARGET-FOLDER");
    return 2;
}

var problems = new Problems();
var cmdlets = CmdletReader.Read(module, powerShell);
var pages = Directory.EnumerateFiles(Path.Combine(docs, "cmdlets"), "*-*.md").Order(StringComparer.Ordinal)
    .ToDictionary(path => Path.GetFileNameWithoutExtension(path), path => Page.Read(path, problems));
PageCheck.Run(cmdlets, pages, Path.Combine(docs, "cmdlets"), problems);
if (problems.Any) return 1;

Directory.CreateDirectory(target);
Maml.Write(cmdlets.Select(cmdlet => (cmdlet, pages[cmdlet.Name])), Path.Combine(target, Path.GetFileName(module) + "-Help.xml"));

foreach (var old in Directory.EnumerateFiles(target, "about_*.help.txt")) File.Delete(old);
foreach (var topic in Directory.EnumerateFiles(Path.Combine(docs, "about"), "about_*.help.txt"))
    File.Copy(topic, Path.Combine(target, Path.GetFileName(topic)));
return 0;
