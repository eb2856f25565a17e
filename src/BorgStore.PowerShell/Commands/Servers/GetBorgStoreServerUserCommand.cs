using System.Management.Automation;
using BorgStore.PowerShell.Completion;
using BorgStore.PowerShell.Output;

namespace BorgStore.PowerShell.Commands.Servers;

/// <summary>Gets the users and tokens of a server.</summary>
[Cmdlet(VerbsCommon.Get, "BorgStoreServerUser")]
[OutputType(typeof(BorgStoreServerUser))]
public sealed class GetBorgStoreServerUserCommand : ServerUserCommand
{
    [Parameter(Position = 0, HelpMessage = "Names, with wildcards.")]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(ServerUserCompleter))]
    public string[]? Name { get; set; }

    /// <inheritdoc/>
    protected override void Process()
    {
        var users = Run(FindFiles(), ["list", "--json"]);
        var patterns = (Name ?? ["*"]).Select(text => (Text: text, Pattern: WildcardPattern.Get(text, WildcardOptions.None))).ToList();
        foreach (var user in users.Where(user => patterns.Exists(one => one.Pattern.IsMatch(user.Name)))) WriteObject(user);
        foreach (var (text, pattern) in patterns)
        {
            if (WildcardPattern.ContainsWildcardCharacters(text) || users.Any(user => pattern.IsMatch(user.Name))) continue;
            WriteError(new StoreException(StoreError.ObjectNotFound, $"There is no user or token '{text}'. Get-BorgStoreServerUser without -Name lists all.", text), text);
        }
    }
}
