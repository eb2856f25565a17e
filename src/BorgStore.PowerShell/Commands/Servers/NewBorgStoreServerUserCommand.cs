using System.Management.Automation;
using System.Security;
using BorgStore.PowerShell.Binding;
using BorgStore.PowerShell.Completion;
using BorgStore.PowerShell.Output;

namespace BorgStore.PowerShell.Commands.Servers;

/// <summary>Adds a user or token to the files of a server.</summary>
[Cmdlet(VerbsCommon.New, "BorgStoreServerUser", DefaultParameterSetName = ByPassword, SupportsShouldProcess = true)]
[OutputType(typeof(BorgStoreServerUser))]
public sealed class NewBorgStoreServerUserCommand : ChangingServerUserCommand
{
    private const string ByToken = "Token";
    private const string WithoutPassword = "NoPassword";

    [Parameter(Mandatory = true, Position = 0, ParameterSetName = ByPassword, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = ByToken, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = WithoutPassword, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [NameTransformation]
    public string[] Name { get; set; } = [];

    [Parameter(Mandatory = true, ParameterSetName = ByPassword, ValueFromPipelineByPropertyName = true, HelpMessage = "The password.")]
    [PasswordTransformation]
    public SecureString? Password { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = ByToken, HelpMessage = "Makes a token: a random secret, which is in the output.")]
    public SwitchParameter Token { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = WithoutPassword, HelpMessage = "The user logs in with a client certificate.")]
    public SwitchParameter NoPassword { get; set; }

    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(ServerGroupCompleter))]
    public string[]? Group { get; set; }

    [Parameter(ValueFromPipelineByPropertyName = true, HelpMessage = "Allows everything in all stores.")]
    [SwitchTransformation]
    public SwitchParameter Admin { get; set; }

    /// <inheritdoc/>
    protected override void Process() => ForEach(ParameterSetName == ByCredential ? [Credential!.UserName] : Name, Add);

    private void Add(string name)
    {
        var files = FindFiles();
        List<string> arguments = [.. Token ? new[] { "token", "add", name } : ["add", name], "--json", .. GetRightsOptions(), .. GetExpiryOptions()];
        if (Split(Group).Count > 0) arguments.AddRange(GetGroupOptions(Group));
        if (Admin) arguments.Add("--admin");
        if (!Token && (Expires != default || ExpiresAfter != default))
            throw new StoreException(StoreError.InvalidArgument, "Only tokens expire. Add -Token, or omit -Expires and -ExpiresAfter.");
        if ((Token || NoPassword) && files.RightsFile is null)
            throw new StoreException(StoreError.InvalidArgument, $"{(Token ? "Tokens" : "Users without a password")} are in the file with rights. Specify it with -RightsFile.");
        if (!Token && !NoPassword && files.UserFile is null)
            throw new StoreException(StoreError.InvalidArgument, "Passwords are in the file with users. Specify it with -UserFile; or add the user with -Token, or with -NoPassword for a client certificate.");
        var password = ParameterSetName == ByCredential ? Credential!.Password : Password;
        var text = Token || NoPassword ? null : GetText(password!);
        if (!ShouldProcess(name, $"Add the {(Token ? "token" : "user")} to '{(Token || NoPassword ? files.RightsFile : files.UserFile)}'")) return;
        foreach (var added in Run(NoPassword || Token ? files with { UserFile = null } : files, arguments, text)) WriteObject(added);
    }
}
