using BorgStore.Help;

// Called by the build of BorgStore.PowerShell. Mistakes in the pages are told in the form that the build and editors understand.
if (args is not [var module, var powerShell, var docs, var target, var online])
{
    Console.Error.WriteLine("BorgStore.Help MODULE.dll System.Management.Automation.dll DOCS-FOLDER TARGET-FOLDER ONLINE-URL");
    return 2;
}

var problems = new Problems();
var cmdlets = CmdletReader.Read(module, powerShell);
var pages = Read("cmdlets", "*-*.md").ToDictionary(file => file.Title, file => Page.Read(file, problems));
PageCheck.Run(cmdlets, pages, Path.Combine(docs, "cmdlets"), problems);
var topics = Read("about", "about_*.md").Select(file => (file.Title, Text: Topic.Write(file, problems))).ToList();
if (problems.Any) return 1;

Directory.CreateDirectory(target);
Maml.Write(cmdlets.Select(cmdlet => (cmdlet, pages[cmdlet.Name])), Path.Combine(target, Path.GetFileName(module) + "-Help.xml"), online);
foreach (var old in Directory.EnumerateFiles(target, "about_*.help.txt")) File.Delete(old);
foreach (var (title, text) in topics) File.WriteAllText(Path.Combine(target, title + ".help.txt"), text);
return 0;

List<MarkdownFile> Read(string folder, string pattern)
    => [.. Directory.EnumerateFiles(Path.Combine(docs, folder), pattern).Order(StringComparer.Ordinal).Select(path => MarkdownFile.Read(path, problems))];
