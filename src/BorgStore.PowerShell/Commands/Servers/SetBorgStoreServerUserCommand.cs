using System.Management.Automation;
using System.Security;
using BorgStore.PowerShell.Binding;
using BorgStore.PowerShell.Completion;
using BorgStore.PowerShell.Output;

namespace BorgStore.PowerShell.Commands.Servers;

/// <summary>Changes the password or rights of users of a server, and the secret or rights of tokens.</summary>
[Cmdlet(VerbsCommon.Set, "BorgStoreServerUser", DefaultParameterSetName = OnlyRights, SupportsShouldProcess = true)]
[OutputType(typeof(BorgStoreServerUser))]
public sealed class SetBorgStoreServerUserCommand : ChangingServerUserCommand
{
    private const string OnlyRights = "Rights";
    private const string ByToken = "NewToken";

    [Parameter(Mandatory = true, Position = 0, ParameterSetName = OnlyRights, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = ByPassword, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = ByToken, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [NameTransformation]
    [ArgumentCompleter(typeof(ServerUserCompleter))]
    public string[] Name { get; set; } = [];

    [Parameter(Mandatory = true, ParameterSetName = ByPassword, HelpMessage = "The new password.")]
    [PasswordTransformation]
    public SecureString? Password { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = ByToken, HelpMessage = "Replaces the secret of a token; the new one is in the output.")]
    public SwitchParameter NewToken { get; set; }

    [Parameter(HelpMessage = "Removes the own rules for these patterns of stores.")]
    public string[]? RemoveStore { get; set; }

    [Parameter(HelpMessage = "The groups; @() for none.")]
    [AllowEmptyCollection]
    [ArgumentCompleter(typeof(ServerGroupCompleter))]
    public string[]? Group { get; set; }

    [Parameter(HelpMessage = "Allows everything in all stores; -Admin:$false no longer does.")]
    public SwitchParameter Admin { get; set; }

    [Parameter]
    public SwitchParameter PassThru { get; set; }

    /// <inheritdoc/>
    protected override void Process() => ForEach(ParameterSetName == ByCredential ? [Credential!.UserName] : Name, Change);

    private void Change(string name)
    {
        var files = FindFiles();
        List<string> changes =
        [
            .. GetRightsOptions(), .. GetExpiryOptions(), .. GetGroupOptions(Group),
            .. Split(RemoveStore).SelectMany(store => new[] { "--remove-stores", store }),
        ];
        if (MyInvocation.BoundParameters.ContainsKey(nameof(Admin))) changes.Add(Admin ? "--admin" : "--no-admin");
        if (NewToken) changes.Add("--renew");
        var password = ParameterSetName == ByCredential ? Credential!.Password : Password;
        var text = password is null ? null : GetText(password);
        if (text is null && changes.Count == 0)
            throw new StoreException(StoreError.InvalidArgument, "There is nothing to change. Specify a password with -Password, or rights such as -Store photos -Permission no-delete.");
        if (changes.Count > 0 && files.RightsFile is null)
            throw new StoreException(StoreError.InvalidArgument, "Rights and tokens are in a file of their own. Specify it with -RightsFile.");
        if (text is not null && files.UserFile is null)
            throw new StoreException(StoreError.InvalidArgument, "Passwords are in the file with users. Specify it with -UserFile.");
        if (!ShouldProcess(name, $"Change {(text is null ? "the rights" : changes.Count == 0 ? "the password" : "the password and the rights")} in '{(text is null ? files.RightsFile : files.UserFile)}'")) return;
        if (text is null) changes.Add("--keep-password");
        foreach (var changed in Run(files, ["set", name, "--json", .. changes], text))
            if (PassThru || NewToken) WriteObject(changed);
    }
}
